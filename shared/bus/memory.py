"""A bus inside one process, for unit tests."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

from shared.bus.envelope import Record, StoredRecord
from shared.bus.progress import Places
from shared.clock import Clock


class MemoryBus:
    topics_are_made = False
    authenticates = True  # nobody outside this process reaches it

    def __init__(self, clock: Clock | None = None) -> None:
        """`clock`: by which records are stored; without one the bus does not say when it took them."""
        self._clock = clock
        self._log: dict[str, list[StoredRecord]] = defaultdict(list)
        self._positions: dict[tuple[str, str], int] = defaultdict(int)
        self._changed = asyncio.Condition()

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def publish(self, records: Sequence[Record]) -> None:
        async with self._changed:
            at = self._clock.now() if self._clock else None
            for record in records:
                log = self._log[record.topic]
                log.append(StoredRecord(record.topic, record.key, record.value, record.headers, 0, len(log), at))
            self._changed.notify_all()

    async def subscribe(self, group: str, topics: Sequence[str], *, member: str) -> "MemorySubscriber":
        return MemorySubscriber(self, group, topics)

    async def read_all(self, topics: Sequence[str]) -> AsyncIterator[list[StoredRecord]]:
        for topic in topics:
            yield list(self._log[topic])

    async def topics(self, prefix: str) -> list[str]:
        return sorted(topic for topic, log in self._log.items() if log and topic.startswith(prefix))

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        return {topic: len(self._log[topic]) - self._positions[(group, topic)] for topic in topics}


class MemorySubscriber:
    """Every member of a group reads all; the tests that need several members use a real backend."""

    def __init__(self, bus: MemoryBus, group: str, topics: Sequence[str]) -> None:
        self._bus = bus
        self._group = group
        self._read: dict[str, int] = {}
        self._take(topics)

    def _take(self, topics: Sequence[str]) -> None:
        self._read = {topic: self._bus._positions[(self._group, topic)] for topic in topics}

    async def change(self, topics: Sequence[str]) -> None:
        self._take(topics)

    async def poll(self, *, limit: int = 500, timeout: float = 0.5) -> list[StoredRecord]:
        async with self._bus._changed:
            try:
                async with asyncio.timeout(timeout):
                    await self._bus._changed.wait_for(self._pending)
            except TimeoutError:
                return []
            found: list[StoredRecord] = []
            for topic, position in self._read.items():
                batch = self._bus._log[topic][position : position + limit - len(found)]
                self._read[topic] += len(batch)
                found += batch
            return found

    def _pending(self) -> bool:
        return any(len(self._bus._log[topic]) > position for topic, position in self._read.items())

    async def commit(self, records: Sequence[StoredRecord]) -> None:
        for record in records:
            place = (self._group, record.topic)
            self._bus._positions[place] = max(self._bus._positions[place], record.offset + 1)

    async def places(self) -> Places:
        return {
            (topic, 0): (self._bus._positions[(self._group, topic)], len(self._bus._log[topic])) for topic in self._read
        }

    async def close(self) -> None: ...
