"""What an operator's graphs show of the consumer."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from tests.contract.city import POISON
from tests.faults.by_hand import ByHand, by_hand
from tests.faults.test_redrive import published
from tests.support.databases import Backend


@pytest.fixture
async def hands(backend: Backend) -> AsyncIterator[ByHand]:
    async with by_hand(backend) as made:
        yield made


def value(name: str) -> float:
    return REGISTRY.get_sample_value(name, {"consumer": "traceability"}) or 0.0


async def test_each_effect_is_timed_once(hands: ByHand) -> None:
    before = value("pinzhi_end_to_end_seconds_count")
    records = await published(hands, "first", "second", "third")
    await hands.consumer.consumer.apply(records)
    await hands.consumer.consumer.apply(records)
    assert value("pinzhi_end_to_end_seconds_count") - before == 3


async def test_what_waits_is_counted_and_is_no_effect(hands: ByHand) -> None:
    before, gaps = value("pinzhi_end_to_end_seconds_count"), value("pinzhi_consumer_gap_total")
    await hands.consumer.consumer.apply(await published(hands, POISON, "second"))
    _first, second = await published(hands, "first", "second", key="U2")
    await hands.consumer.consumer.apply([second])
    assert value("pinzhi_end_to_end_seconds_count") == before
    assert value("pinzhi_consumer_gap_total") - gaps == 1
    assert value("pinzhi_dead_letters_open") == 3
