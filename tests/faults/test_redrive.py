"""Dead letters when the consumer, another member, an operator or a kill comes in between."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from shared import failpoints
from shared.bus import StoredRecord
from shared.bus import consumer as consuming
from shared.platform import Platform
from tests.contract.city import POISON, Applied, rows, updated
from tests.faults.by_hand import ByHand, by_hand
from tests.support.databases import Backend

U1 = ("credit", "U1")


@pytest.fixture
async def hands(backend: Backend) -> AsyncIterator[ByHand]:
    async with by_hand(backend) as made:
        yield made


@pytest.fixture
def cure(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr("tests.contract.city.POISON", "nothing is poison now")


async def sequences(platform: Platform, key: str = "U1") -> list[int]:
    return [each.sequence for each in await rows(platform, Applied) if each.key == key]


async def published(hands: ByHand, *names: str, key: str = "U1") -> list[StoredRecord]:
    """Events that are on the bus and read, but not applied."""
    await hands.publish(*(updated(key, name) for name in names))
    await hands.relay()
    return await hands.read()


async def parked(hands: ByHand) -> None:
    """Sequence 1 failed, 2 and 3 wait behind it."""
    await hands.consumer.consumer.apply(await published(hands, POISON, "second", "third"))
    assert await hands.letters() == {("U1", 1): "failed", ("U1", 2): "parked", ("U1", 3): "parked"}


def before_first_lock(platform: Platform, monkeypatch: pytest.MonkeyPatch, first: Callable[[], Awaitable[Any]]) -> None:
    """Let `first` happen before this member locks a key for the first time."""
    lock, done = consuming.positions, []

    async def other_then_lock(*arguments: Any) -> Any:
        if not done:
            done.append(True)
            await first()
        return await lock(*arguments)

    monkeypatch.setattr(consuming, "positions", other_then_lock)


async def test_a_gap_is_closed_in_a_batch_that_holds_a_poison_event(hands: ByHand) -> None:
    one, two, three, four = await published(hands, "first", "second", "third", "fourth")
    consumer = hands.consumer.consumer
    await consumer.apply([one, four, three])
    assert await hands.letters() == {("U1", 4): "gap", ("U1", 3): "parked"}
    (poison,) = await published(hands, POISON, key="U2")
    await consumer.apply([poison, two])
    assert await sequences(hands.consumer) == [1, 2, 3, 4]


async def test_what_is_parked_while_a_retry_runs_goes_on_with_it(
    hands: ByHand, cure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await parked(hands)
    late = await published(hands, "fourth")
    consumer = hands.consumer.consumer
    waiting, seen = consumer._waiting, []

    async def look_then_park(key: Any) -> Any:
        found = await waiting(key)
        if not seen:
            seen.append(key)
            await consumer.apply(late)
        return found

    monkeypatch.setattr(consumer, "_waiting", look_then_park)
    cure()
    assert await consumer.retry(U1) == 4
    assert await sequences(hands.consumer) == [1, 2, 3, 4]


async def test_a_retry_that_was_killed_half_way_is_finished_at_the_next_start(
    hands: ByHand, cure: Callable[[], None]
) -> None:
    await parked(hands)
    cure()
    failpoints.arm("retry.after_commit=raise")
    with pytest.raises(OSError, match="failpoint"):
        await hands.consumer.consumer.retry(U1)
    failpoints.arm("")
    assert await sequences(hands.consumer) == [1]
    await hands.restart_consumer()
    assert await sequences(hands.consumer) == [1, 2, 3]


async def test_a_failed_event_that_another_member_applied_is_not_parked(
    hands: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed here for a reason that passed, or that only this member has."""
    records = await published(hands, "first", "second")
    here, other = hands.consumer.consumer, hands.another().consumer

    async def fails(_envelopes: Any) -> Any:
        await other.apply(records)
        raise ValueError("only here")

    monkeypatch.setattr(here, "_apply_together", fails)
    await here.apply(records)
    assert await hands.letters() == {}
    assert await sequences(hands.consumer) == [1, 2]


async def test_two_retries_at_once_apply_once(
    hands: ByHand, cure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await parked(hands)
    cure()
    other = hands.another().consumer
    before_first_lock(hands.consumer, monkeypatch, lambda: other.retry(U1))
    await hands.consumer.consumer.retry(U1)
    assert await sequences(hands.consumer) == [1, 2, 3]
    assert set((await hands.letters()).values()) == {"applied"}


async def test_a_retry_that_comes_after_a_skip_leaves_it_skipped(
    hands: ByHand, cure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await parked(hands)
    cure()
    letter, other = await hands.letter_id("U1", 1), hands.another().consumer
    before_first_lock(hands.consumer, monkeypatch, lambda: other.skip(letter))
    await hands.consumer.consumer.retry(U1)
    assert await sequences(hands.consumer) == [2, 3]
    assert (await hands.letters())["U1", 1] == "skipped"


async def test_a_retry_that_fails_does_not_open_what_another_closed(
    hands: ByHand, cure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await parked(hands)
    here, other = hands.consumer.consumer, hands.another().consumer
    apply_plan, failed = here._apply_plan, []

    async def fails_once(*arguments: Any) -> None:
        failed.append(True)
        raise ValueError("only here")

    monkeypatch.setattr(here, "_apply_plan", fails_once)
    lock = consuming.positions

    async def lock_after_other(*arguments: Any) -> Any:
        if failed:
            failed.clear()
            monkeypatch.setattr(here, "_apply_plan", apply_plan)
            cure()
            await other.retry(U1)
        return await lock(*arguments)

    monkeypatch.setattr(consuming, "positions", lock_after_other)
    assert await here.retry(U1) == 0
    assert await sequences(hands.consumer) == [1, 2, 3]
    assert set((await hands.letters()).values()) == {"applied"}


async def test_a_skip_that_comes_after_a_retry_skips_nothing(
    backend: Backend, hands: ByHand, cure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await parked(hands)
    cure()
    letter, other = await hands.letter_id("U1", 1), hands.another().consumer
    if backend.kind == "sqlite":  # where the first statement locks the file
        await other.retry(U1)
    else:
        before_first_lock(hands.consumer, monkeypatch, lambda: other.retry(U1))
    assert not await hands.consumer.consumer.skip(letter)
    assert await sequences(hands.consumer) == [1, 2, 3]
    assert set((await hands.letters()).values()) == {"applied"}
