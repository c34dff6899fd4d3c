"""Epochs of the log: a restore begins a new one, so that what an old broker holds beyond the backup is never read.

Domain topics of epoch 3 are called `pinzhi.credit.v1.e3` on the bus; epoch 0 has the plain names. What units outside
write and read (intake, receipts) keeps its name: they know nothing of our restores. Services find their epoch in their
own database, where a restore puts it, and see plain names only.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select

from shared.bus.envelope import Record, StoredRecord
from shared.bus.progress import Places
from shared.bus.protocol import EventBus, Subscriber, TopicRefused
from shared.db import tables
from shared.db.session import AsyncSession

LOG = "log"
"""The row of `projection_generation` that holds the epoch; projections have the names of their consumers."""
_OUTSIDE = "pinzhi.enforcement."


async def epoch_of(session: AsyncSession) -> int:
    """The epoch of the service's log; 0 where nothing was ever restored."""
    found = await session.execute(select(tables.generation.c.generation).where(tables.generation.c.name == LOG))
    return int(found.scalar_one_or_none() or 0)


def name_in(epoch: int, topic: str) -> str:
    """What a topic is called on the bus."""
    return topic if epoch == 0 or topic.startswith(_OUTSIDE) else f"{topic}.e{epoch}"


def epoch_in(name: str) -> tuple[str, int]:
    """`(topic, epoch)` of a name on the bus."""
    topic, _, epoch = name.rpartition(".e")
    return (topic, int(epoch)) if topic and epoch.isascii() and epoch.isdigit() else (name, 0)


def in_epoch(bus: EventBus, epoch: int) -> EventBus:
    """The same bus, seen in one epoch."""
    return bus if epoch == 0 else EpochBus(bus, epoch)


class EpochBus:
    """Topics have their plain names on this side and those of the epoch on the other."""

    def __init__(self, bus: EventBus, epoch: int) -> None:
        self._bus = bus
        self.epoch = epoch

    @property
    def authenticates(self) -> bool:
        return self._bus.authenticates

    @property
    def topics_are_made(self) -> bool:
        return self._bus.topics_are_made

    async def topics(self, prefix: str) -> list[str]:
        names = {name: epoch_in(name)[0] for name in await self._bus.topics(prefix)}
        return sorted(topic for name, topic in names.items() if name_in(self.epoch, topic) == name)

    def _names(self, topics: Sequence[str]) -> list[str]:
        return [name_in(self.epoch, topic) for topic in topics]

    async def start(self) -> None:
        await self._bus.start()

    async def publish(self, records: Sequence[Record]) -> None:
        try:
            await self._bus.publish([replace(record, topic=name_in(self.epoch, record.topic)) for record in records])
        except TopicRefused as error:
            raise TopicRefused(epoch_in(error.topic)[0], str(error)) from error

    async def subscribe(self, group: str, topics: Sequence[str], *, member: str) -> Subscriber:
        return _Subscriber(await self._bus.subscribe(group, self._names(topics), member=member), self.epoch)

    async def read_all(self, topics: Sequence[str]) -> AsyncIterator[list[StoredRecord]]:
        async for records in self._bus.read_all(self._names(topics)):
            yield _plain(records)

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        behind = await self._bus.lag(group, self._names(topics))
        return {epoch_in(name)[0]: count for name, count in behind.items()}

    async def close(self) -> None:
        await self._bus.close()


class _Subscriber:
    def __init__(self, subscriber: Subscriber, epoch: int) -> None:
        self._subscriber = subscriber
        self._epoch = epoch

    async def poll(self, *, limit: int = 500, timeout: float = 0.5) -> list[StoredRecord]:
        return _plain(await self._subscriber.poll(limit=limit, timeout=timeout))

    async def commit(self, records: Sequence[StoredRecord]) -> None:
        await self._subscriber.commit([replace(record, topic=name_in(self._epoch, record.topic)) for record in records])

    async def change(self, topics: Sequence[str]) -> None:
        await self._subscriber.change([name_in(self._epoch, topic) for topic in topics])

    async def places(self) -> Places:
        found = await self._subscriber.places()
        return {(epoch_in(name)[0], partition): place for (name, partition), place in found.items()}

    async def close(self) -> None:
        await self._subscriber.close()


def _plain(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    return [replace(record, topic=epoch_in(record.topic)[0]) for record in records]
