"""The promise of the bus, end to end: outbox, relay, bus, inbox, effect; on both databases and on real Kafka."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.bus import dead_letters
from shared.bus.envelope import Record
from shared.bus.replay import replay
from shared.db import tables
from shared.events.credit import ListingRemoved
from shared.events.traceability import PartyUpdated
from shared.platform import Platform
from tests.contract.city import POISON, Applied, Case, City, Named, publish, rows, updated
from tests.support.databases import Backend, Databases


@pytest.fixture(
    params=[
        "sqlite on the embedded log",
        pytest.param("postgres on the embedded log", marks=pytest.mark.postgres),
        pytest.param("postgres on kafka", marks=[pytest.mark.postgres, pytest.mark.kafka]),
    ]
)
def city(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[City]:
    database, _, bus = request.param.partition(" on ")
    server = request.getfixturevalue("postgres_databases") if database == "postgres" else None
    backend = Backend(database, databases, tmp_path, server)
    address = (
        f"kafka://{request.getfixturevalue('kafka_address')}" if bus == "kafka" else f"sqlite:{tmp_path / 'bus.db'}"
    )
    yield City(backend, address)
    backend.close()


async def eventually(holds: Callable[[], Any]) -> None:
    """Wait for an async condition; fails after twenty seconds."""
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def applied(platform: Platform, count: int) -> list[Applied]:
    await eventually(lambda: _count_is(platform, Applied, count))
    return await rows(platform, Applied)


async def _count_is(platform: Platform, model: Any, count: int) -> bool:
    return len(await rows(platform, model)) == count


async def letters(platform: Platform, state: str | None = None) -> list[Any]:
    async with platform.read() as session:
        return await dead_letters.page(session, state=state, after=None, limit=100)


def removed(uscc: str) -> ListingRemoved:
    return ListingRemoved(listing_id="l", uscc=uscc, colour="black", removed_on="2026-11-24", reason="expired")  # type: ignore[arg-type]


async def test_every_event_takes_effect_once_and_in_order(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        for number in range(30):
            await publish(credit, *(updated(f"U{key}", f"n{number}") for key in range(5)))
        done = await applied(consumer, 150)
        for key in range(5):
            assert [each.sequence for each in done if each.key == f"U{key}"] == list(range(1, 31))
        assert {(each.uscc, each.name) for each in await rows(consumer, Named)} == {(f"U{k}", "n29") for k in range(5)}
        assert await letters(consumer) == []


async def test_sequences_have_no_gap_under_concurrent_writers_and_rollbacks(city: City) -> None:
    async with city.publisher() as credit:

        async def write(number: int) -> None:
            try:
                async with credit.system_unit_of_work() as uow:
                    uow.publish(*(updated(f"U{key}", f"n{number}") for key in (number % 3, (number + 1) % 3)))
                    if number % 4 == 0:
                        raise RuntimeError("changed my mind")
            except RuntimeError:
                pass

        await asyncio.gather(*(write(number) for number in range(40)))
        async with credit.read() as session:
            found = (await session.execute(select(tables.outbox).order_by(tables.outbox.c.position))).all()
        assert len(found) == 60
        for key in range(3):
            of_key = [row.sequence for row in found if row.key == f"U{key}"]
            assert of_key == list(range(1, len(of_key) + 1)), "in order of commit, without a gap"


async def test_a_consumer_that_was_down_catches_up(city: City) -> None:
    async with city.publisher() as credit:
        await publish(credit, *(updated("U1", f"n{n}") for n in range(20)))
        async with city.consumer() as consumer:
            await applied(consumer, 20)
        await publish(credit, updated("U1", "later"))
        async with city.consumer() as consumer:
            assert (await applied(consumer, 21))[-1].sequence == 21


async def test_what_the_relay_sends_twice_takes_effect_once(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        await publish(credit, *(updated("U1", f"n{n}") for n in range(5)))
        await applied(consumer, 5)
        async with credit.system_unit_of_work() as uow:  # as a relay that was killed between send and mark
            await uow.session.execute(update(tables.outbox).values(published_at=None))
        await eventually(lambda: _pending_is_zero(credit))
        await publish(credit, updated("U1", "last"))
        assert [each.sequence for each in await applied(consumer, 6)] == [1, 2, 3, 4, 5, 6]
        assert await letters(consumer) == []


async def _pending_is_zero(platform: Platform) -> bool:
    async with platform.read() as session:
        pending = select(tables.outbox.c.position).where(tables.outbox.c.published_at.is_(None))
        return (await session.execute(pending)).first() is None


async def test_a_poison_event_parks_its_key_and_others_flow(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        await publish(
            credit, updated("U1", "good"), updated("U1", POISON), updated("U1", "behind"), updated("U2", "free")
        )
        await publish(credit, updated("U2", "free again"))
        done = await applied(consumer, 3)
        assert {(each.key, each.sequence) for each in done} == {("U1", 1), ("U2", 1), ("U2", 2)}
        await eventually(lambda: _states_are(consumer, {2: "failed", 3: "parked"}))
        await publish(credit, updated("U1", "far behind"))
        await eventually(lambda: _states_are(consumer, {2: "failed", 3: "parked", 4: "parked"}))
        failed = (await letters(consumer, "failed"))[0]
        assert "this name cannot be kept" in failed.error
        assert failed.type == "pinzhi.credit.enterprise.updated.v1"

        # A retry without a cure changes nothing but the number of attempts.
        assert await consumer.consumer.retry(("credit", "U1")) == 0
        assert (await letters(consumer, "failed"))[0].attempts == 2

        assert not await consumer.consumer.skip((await letters(consumer, "parked"))[0].id), (
            "only the first may be skipped"
        )
        assert await consumer.consumer.skip(failed.id)
        done = await applied(consumer, 5)
        assert [each.sequence for each in done if each.key == "U1"] == [1, 3, 4]
        await publish(credit, updated("U1", "flows again"))
        assert len(await applied(consumer, 6)) == 6


async def _states_are(platform: Platform, wanted: dict[int, str]) -> bool:
    return {row.sequence: row.state for row in await letters(platform)} == wanted


async def test_a_cured_dead_letter_is_applied_in_order(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        await publish(credit, updated("U1", POISON), updated("U1", "behind"))
        await eventually(lambda: _states_are(consumer, {1: "failed", 2: "parked"}))
        monkeypatch.setattr("tests.contract.city.POISON", "nothing is poison now")
        assert await consumer.consumer.retry(("credit", "U1")) == 2
        assert [each.sequence for each in await applied(consumer, 2)] == [1, 2]
        assert (await rows(consumer, Named))[0].name == "behind"
        assert {row.state for row in await letters(consumer)} == {"applied"}


async def test_an_event_ahead_of_a_missing_one_waits_and_goes_on_by_itself(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        await publish(credit, *(updated("U1", f"n{n}") for n in range(3)))
        await applied(consumer, 3)
        log = [each async for batch in consumer.bus.read_all(["pinzhi.credit.v1"]) for each in batch]

        def again(sequence: int) -> Record:
            old = log[0]
            headers = old.headers | {"ce_sequence": f"{sequence:020d}", "ce_id": f"made-{sequence}"}
            return Record(old.topic, old.key, old.value, headers)

        await consumer.bus.publish([again(5)])
        await eventually(lambda: _states_are(consumer, {5: "gap"}))
        await consumer.bus.publish([again(6), again(4)])
        assert [each.sequence for each in await applied(consumer, 6)] == [1, 2, 3, 4, 5, 6]


async def test_a_record_that_is_no_event_is_kept_and_blocks_nothing(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        await consumer.bus.publish([Record("pinzhi.credit.v1", "U1", b"\xff not an event", {})])
        await publish(credit, updated("U1", "fine"))
        await applied(consumer, 1)
        await eventually(lambda: _has_unreadable(consumer))


async def _has_unreadable(platform: Platform) -> bool:
    found = await letters(platform, "failed")
    return len(found) == 1 and found[0].data == b"\xff not an event" and "specversion" in found[0].error


async def test_a_handler_publishes_in_the_same_transaction_with_its_cause(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        await publish(credit, removed("U9"))
        await eventually(lambda: _count_is(consumer, Case, 1))
        async with consumer.read() as session:
            row = (await session.execute(select(tables.outbox))).one()
        assert row.type == PartyUpdated.type
        case = (await rows(consumer, Case))[0]
        assert f'"causationid":"{case.id}"' in row.headers


async def test_a_rebuilt_projection_equals_the_live_one(city: City) -> None:
    async with city.publisher() as credit, city.consumer() as consumer:
        for number in range(10):
            await publish(credit, *(updated(f"U{key}", f"n{number}") for key in range(3)), removed("U1"))
        await publish(credit, updated("U2", POISON), updated("U2", "behind"))
        await eventually(lambda: _count_is(consumer, Case, 10))
        await eventually(lambda: _states_are_those(consumer, {"failed", "parked"}))
        await applied(consumer, 30)
        before = await _dump(consumer)
        count = await replay(consumer)
        assert count == 40
        assert await _dump(consumer) == before
        assert len(await rows(consumer, Case)) == 10, "effects that are no projection are not repeated"
        await publish(credit, updated("U0", "after"))
        await applied(consumer, 31)


async def _states_are_those(platform: Platform, wanted: set[str]) -> bool:
    return {row.state for row in await letters(platform)} == wanted


async def _dump(platform: Platform) -> list[tuple[Any, ...]]:
    named = sorted((each.uscc, each.name, each.sequence) for each in await rows(platform, Named))
    seen = sorted((each.event_id, each.key, each.sequence) for each in await rows(platform, Applied))
    return [*named, *seen]


async def test_a_service_publishes_only_its_own_events(city: City) -> None:
    async with city.publisher() as credit:
        with pytest.raises(ValueError, match="credit does not publish"):
            await publish(credit, PartyUpdated(party_id="U1", name="x", area_code="370600"))


async def test_an_event_that_no_bus_takes_fails_its_own_transaction_alone(city: City) -> None:
    """In the outbox it would stop everything behind it."""
    async with city.publisher() as credit, city.consumer() as consumer:
        with pytest.raises(ValueError, match="bytes"):
            await publish(credit, updated("U1", "n" * 1_000_000))
        await publish(credit, updated("U1", "n" * 800_000))
        assert [each.sequence for each in await applied(consumer, 1)] == [1]
