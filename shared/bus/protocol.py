"""The one seam to whatever carries the events. One contract suite is inherited by every backend."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from shared.bus.envelope import Record, StoredRecord
from shared.bus.progress import Places


class TopicRefused(OSError):
    """One topic cannot be written (it is not there, or not ours to write); the others can."""

    def __init__(self, topic: str, why: str) -> None:
        super().__init__(why)
        self.topic = topic


class Subscriber(Protocol):
    """A member of a named consumer group."""

    async def poll(self, *, limit: int = 500, timeout: float = 0.5) -> list[StoredRecord]:
        """The next records, in order for each key; an empty list when none came within `timeout` seconds."""

    async def commit(self, records: Sequence[StoredRecord]) -> None:
        """Remember that these records (and all before them in their partitions) are done. Losing it is harmless."""

    async def change(self, topics: Sequence[str]) -> None:
        """Read these from now on, each from what is committed."""

    async def places(self) -> Places:
        """How far it is in each partition that it reads."""

    async def close(self) -> None: ...


class EventBus(Protocol):
    @property
    def authenticates(self) -> bool:
        """Whether it learns who reads and writes; else whoever reaches it may do everything."""

    @property
    def topics_are_made(self) -> bool:
        """Whether a topic has to be made before it can be written; else writing makes it."""

    async def start(self) -> None: ...

    async def publish(self, records: Sequence[Record]) -> None:
        """Returns when all records are stored for good; raises when one may not be. A repeat may double records."""

    async def subscribe(self, group: str, topics: Sequence[str], *, member: str) -> Subscriber: ...

    def read_all(self, topics: Sequence[str]) -> AsyncIterator[list[StoredRecord]]:
        """The whole log of the topics as it is now, in batches, in order for each key (rebuilding a projection)."""

    async def topics(self, prefix: str) -> list[str]:
        """Names that are there and begin so, sorted; on Kafka those that this service may see."""

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        """Records that the group has not committed, for each topic; asked from outside, without joining it."""

    async def close(self) -> None: ...
