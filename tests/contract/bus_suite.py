"""What every bus keeps, inherited by each backend. `fresh()` opens the same log again, as another process would."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from shared.bus import EventBus, Record, StoredRecord, Subscriber
from shared.bus.progress import waiting

TOPIC, OTHER = "pinzhi.credit.v1", "pinzhi.traceability.v1"
Fresh = Callable[[], Awaitable[EventBus]]


def record(key: str, number: int, *, topic: str = TOPIC, value: bytes | None = None) -> Record:
    return Record(topic, key, value if value is not None else f"{key}/{number}".encode(), {"ce_sequence": str(number)})


async def take(subscriber: Subscriber, count: int, *, seconds: float = 20) -> list[StoredRecord]:
    """Poll until `count` records came; fails when they do not come."""
    found: list[StoredRecord] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            found += await subscriber.poll(limit=500, timeout=0.1)
    return found


async def nothing_more(subscriber: Subscriber) -> None:
    for _ in range(3):
        assert await subscriber.poll(limit=500, timeout=0.1) == []


def of_key(records: Sequence[StoredRecord], key: str) -> list[bytes]:
    return [each.value for each in records if each.key == key]


class BusContract:
    """Subclasses give the fixture `fresh`."""

    shared_by_processes = True

    @pytest.fixture
    async def bus(self, fresh: Fresh) -> EventBus:
        return await fresh()

    async def test_a_group_reads_all_records_in_order_for_each_key(self, bus: EventBus) -> None:
        sent = [record(f"k{n % 7}", n) for n in range(350)]
        await bus.publish(sent[:200])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        await bus.publish(sent[200:])
        got = await take(reader, 350)
        assert len(got) == 350
        for key in {each.key for each in sent}:
            assert of_key(got, key) == [each.value for each in sent if each.key == key]
        await nothing_more(reader)
        await reader.close()

    async def test_values_keys_and_headers_come_back_as_they_were(self, bus: EventBus) -> None:
        odd = Record(TOPIC, "烟台/91370602", bytes(range(256)), {"ce_type": "x", "ce_subject": "苹果 🍎"})
        await bus.publish([odd])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        (got,) = await take(reader, 1)
        assert (got.topic, got.key, got.value, got.headers) == (odd.topic, odd.key, odd.value, odd.headers)
        await reader.close()

    async def test_each_group_reads_for_itself(self, bus: EventBus) -> None:
        await bus.publish([record("k", n) for n in range(5)])
        for group in ("a", "b"):
            reader = await bus.subscribe(group, [TOPIC], member=f"{group}:0")
            assert len(await take(reader, 5)) == 5
            await reader.close()

    async def test_several_topics(self, bus: EventBus) -> None:
        await bus.publish([record("k", 1), record("k", 2, topic=OTHER)])
        reader = await bus.subscribe("a", [TOPIC, OTHER], member="a:0")
        assert {each.topic for each in await take(reader, 2)} == {TOPIC, OTHER}
        await reader.close()
        only = await bus.subscribe("b", [OTHER], member="b:0")
        assert [each.value for each in await take(only, 1)] == [b"k/2"]
        await nothing_more(only)
        await only.close()

    async def test_what_was_committed_is_not_given_again(self, bus: EventBus) -> None:
        await bus.publish([record("k", n) for n in range(10)])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        got = await take(reader, 10)
        await reader.commit(got[:6])
        await reader.close()
        again = await bus.subscribe("a", [TOPIC], member="a:0")
        rest = await take(again, 4)
        assert [each.value for each in rest] == [each.value for each in got[6:]]
        await again.close()

    async def test_what_was_not_committed_is_given_again(self, bus: EventBus) -> None:
        await bus.publish([record("k", n) for n in range(4)])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        first = await take(reader, 4)
        await reader.close()
        again = await bus.subscribe("a", [TOPIC], member="a:0")
        assert [each.value for each in await take(again, 4)] == [each.value for each in first]
        await again.close()

    async def test_the_limit_holds_and_nothing_is_left_out(self, bus: EventBus) -> None:
        await bus.publish([record("k", n) for n in range(25)])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        got: list[StoredRecord] = []
        async with asyncio.timeout(20):
            while len(got) < 25:
                batch = await reader.poll(limit=10, timeout=0.1)
                assert len(batch) <= 10
                got += batch
        assert of_key(got, "k") == [f"k/{n}".encode() for n in range(25)]
        await reader.close()

    async def test_lag_counts_what_is_not_committed(self, bus: EventBus) -> None:
        await bus.publish([record("k", n) for n in range(8)])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        got = await take(reader, 8)
        await reader.commit(got[:5])
        assert waiting(await reader.places()) == {TOPIC: 3}
        assert dict(await bus.lag("a", [TOPIC, OTHER])) == {TOPIC: 3, OTHER: 0}
        await reader.commit(got)
        assert waiting(await reader.places()) == {TOPIC: 0}
        assert dict(await bus.lag("a", [TOPIC])) == {TOPIC: 0}
        await reader.close()

    async def test_read_all_gives_the_whole_log(self, bus: EventBus) -> None:
        sent = [record(f"k{n % 3}", n) for n in range(40)] + [record("k", 1, topic=OTHER)]
        await bus.publish(sent)
        got = [each async for batch in bus.read_all([TOPIC, OTHER]) for each in batch]
        assert len(got) == 41
        for key in ("k0", "k1", "k2"):
            assert of_key(got, key) == [each.value for each in sent if each.key == key]

    async def test_topics_are_listed_by_their_beginning(self, bus: EventBus) -> None:
        await bus.publish([record("k", 1), record("k", 2, topic=OTHER)])
        assert await bus.topics("pinzhi.credit.") == [TOPIC]
        assert {TOPIC, OTHER} <= set(await bus.topics("pinzhi."))
        assert await bus.topics("pinzhi.nobody") == []

    async def test_a_reader_whose_topics_change_reads_each_from_what_is_committed(self, bus: EventBus) -> None:
        """One that comes: from its beginning. One that stays or comes back: from its commit. One that left: no more."""
        await bus.publish([record("k", n) for n in range(4)] + [record("k", n, topic=OTHER) for n in range(2)])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        got = await take(reader, 4)
        await reader.commit(got[:3])
        await reader.change([TOPIC, OTHER])
        both = await take(reader, 3)
        assert {each.topic: each.value for each in both} == {TOPIC: b"k/3", OTHER: b"k/1"}
        assert [each.value for each in both if each.topic == OTHER] == [b"k/0", b"k/1"]
        await nothing_more(reader)
        await reader.commit([each for each in both if each.topic == OTHER])
        await reader.change([OTHER])
        await bus.publish([record("k", 4), record("k", 2, topic=OTHER)])
        assert [(each.topic, each.value) for each in await take(reader, 1)] == [(OTHER, b"k/2")]
        await nothing_more(reader)
        assert {topic for topic, _partition in await reader.places()} == {OTHER}
        await reader.change([TOPIC])
        assert [(each.topic, each.value) for each in await take(reader, 2)] == [(TOPIC, b"k/3"), (TOPIC, b"k/4")]
        await reader.close()

    async def test_an_empty_batch_is_nothing(self, bus: EventBus) -> None:
        await bus.publish([])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        await nothing_more(reader)
        await reader.close()

    async def test_another_process_reads_what_this_one_wrote(self, fresh: Fresh) -> None:
        if not self.shared_by_processes:
            return
        writer, other = await fresh(), await fresh()
        reader = await other.subscribe("a", [TOPIC], member="a:0")
        assert await reader.poll(limit=10, timeout=0.1) == []
        await writer.publish([record("k", 1)])
        assert [each.value for each in await take(reader, 1)] == [b"k/1"]
        await reader.close()

    async def test_a_member_that_leaves_hands_over(self, fresh: Fresh) -> None:
        """Two members of one group: all is read, and what the first had not committed the second reads again."""
        if not self.shared_by_processes:
            return
        one, two = await fresh(), await fresh()
        first = await one.subscribe("a", [TOPIC], member="a:0")
        await one.publish([record(f"k{n}", n) for n in range(20)])
        got = await take(first, 20)
        await first.commit(got)
        second = await two.subscribe("a", [TOPIC], member="a:1")
        await first.close()
        await two.publish([record("last", 1)])
        assert b"last/1" in [each.value for each in await take(second, 1)]
        await second.close()
