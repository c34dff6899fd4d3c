"""Records that are no events of ours, put on the bus by whoever may write there, stop nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.bus import Record, Subscription, dead_letters
from shared.bus.envelope import Envelope, to_record
from shared.events.credit import EnterpriseUpdated
from shared.ids import uuid7
from shared.platform import Platform
from tests.contract.city import Applied, City, publish, rows, updated
from tests.support.app import NOW
from tests.support.databases import Backend

TOPIC = "pinzhi.credit.v1"


@pytest.fixture
def city(backend: Backend, tmp_path: Path) -> Iterator[City]:
    yield City(backend, f"sqlite:{tmp_path / 'bus.db'}")
    backend.close()


def good() -> Record:
    data = updated("U1", "fine").model_dump_json().encode()
    return to_record(TOPIC, Envelope(uuid7(), "pinzhi.credit.enterprise.updated.v1", "credit", "U1", 1, NOW, data))


HOSTILE: dict[str, dict[str, str]] = {
    "no CloudEvent": {"ce_specversion": "0.3"},
    "a source that is too long": {"ce_source": "/pinzhi/" + "s" * 31},
    "no source": {"ce_source": ""},
    "a source with U+0000": {"ce_source": "credit\0"},
    "a key that is too long": {"ce_partitionkey": "钥" * 201},
    "no key": {"ce_partitionkey": ""},
    "a key with U+0000": {"ce_partitionkey": "a\0b"},
    "a type that is too long": {"ce_type": "t" * 151},
    "a type with U+0000": {"ce_type": "pinzhi\0"},
    "sequence 0": {"ce_sequence": "0"},
    "a sequence below zero": {"ce_sequence": "-5"},
    "a sequence of 65 bits": {"ce_sequence": str(2**64)},
    "a sequence that is no number": {"ce_sequence": "1\0"},
    "a time without offset": {"ce_time": "2026-11-24T12:00:00"},
    "a time before all": {"ce_time": "0001-01-01T00:00:00+14:00"},
    "no time": {"ce_time": "yesterday"},
}


async def _open(platform: Platform) -> list[Any]:
    async with platform.read() as session:
        return await dead_letters.page(session, state="failed", after=None, limit=100)


async def test_each_is_kept_and_what_comes_after_it_is_applied(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        for number, wrong in enumerate(HOSTILE.values()):
            record = good()
            await consumer.bus.publish([Record(TOPIC, record.key, str(number).encode(), record.headers | wrong)])
        await publish(credit, updated("U1", "fine"))
        async with asyncio.timeout(20):
            while not await rows(consumer, Applied):
                await asyncio.sleep(0.02)
        kept = {row.data: row for row in await _open(consumer)}
        for number, name in enumerate(HOSTILE):
            assert str(number).encode() in kept, name
        assert len(kept) == len(HOSTILE)
        assert {row.source for row in kept.values()} == {"unreadable"}


async def test_an_error_that_quotes_a_character_which_postgresql_has_not_is_kept(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:

        async def quote(_uow: Any, events: Any) -> None:
            raise ValueError(f"cannot take {events[0].data.name}")

        consumer.consumer.subscriptions[EnterpriseUpdated.type] = [Subscription(EnterpriseUpdated, quote)]
        await publish(credit, updated("U1", "a\0b"))
        async with asyncio.timeout(20):
            while not await _open(consumer):
                await asyncio.sleep(0.02)
        assert "cannot take a\\0b" in (await _open(consumer))[0].error
