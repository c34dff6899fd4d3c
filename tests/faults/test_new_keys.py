"""Two members of a group meet at a key that neither has seen: there is no inbox row yet on which one could wait."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from shared.bus import StoredRecord
from shared.bus import consumer as consuming
from tests.contract.city import POISON
from tests.faults.by_hand import ByHand, by_hand
from tests.faults.test_redrive import published, sequences
from tests.support.databases import Backend


@pytest.fixture
async def hands(backend: Backend) -> AsyncIterator[ByHand]:
    async with by_hand(backend) as made:
        yield made


@pytest.fixture
def apply(
    backend: Backend, hands: ByHand, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[StoredRecord], list[StoredRecord]], Awaitable[None]]:
    """Apply a batch; another member applies its own between this one's look at the positions and its effects."""
    here, other = hands.consumer.consumer, hands.another().consumer
    positions, done = consuming.positions, []

    async def apply(batch: list[StoredRecord], others: list[StoredRecord]) -> None:
        async def then_other(*arguments: Any) -> Any:
            found = await positions(*arguments)
            if not done:
                done.append(True)
                await other.apply(others)
            return found

        if backend.kind == "sqlite":  # where the first statement locks the file
            await other.apply(others)
        else:
            monkeypatch.setattr(consuming, "positions", then_other)
        await here.apply(batch)
        assert done or backend.kind == "sqlite"

    return apply


async def test_both_apply_the_same_events(hands: ByHand, apply: Any) -> None:
    records = await published(hands, "first", "second", "third")
    await apply(records, records)
    assert await sequences(hands.consumer) == [1, 2, 3]
    assert await hands.letters() == {}


async def test_one_is_further_than_the_other(hands: ByHand, apply: Any) -> None:
    records = await published(hands, "first", "second", "third")
    await apply(records, records[:2])
    assert await sequences(hands.consumer) == [1, 2, 3]
    assert await hands.letters() == {}


async def test_one_has_a_gap_that_the_other_closes(hands: ByHand, apply: Any) -> None:
    first, second = await published(hands, "first", "second")
    await apply([second], [first])
    assert await sequences(hands.consumer) == [1, 2]
    assert set((await hands.letters()).values()) <= {"applied"}


async def test_the_other_parks_it(hands: ByHand, apply: Any) -> None:
    poison, second = await published(hands, POISON, "second")
    await apply([poison, second], [poison])
    assert await sequences(hands.consumer) == []
    assert await hands.letters() == {("U1", 1): "failed", ("U1", 2): "parked"}
