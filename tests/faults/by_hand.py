"""The publisher and consumer of `tests.contract.city` without background tasks: every step is made by the test."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared import failpoints
from shared.bus import EventBus, StoredRecord, Subscriber, dead_letters
from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.db import metadata_of
from shared.events.base import Event
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web import ServiceSpec
from tests.contract.city import CONSUMER, PUBLISHER, ConsumerTable, PublisherTable, publish
from tests.support.app import NOW
from tests.support.databases import Backend

TOPICS = ["pinzhi.credit.v1"]


class ByHand:
    """`credit` publishes, `consumer` applies; `another()` is one more member of the consumer's group."""

    def __init__(self, urls: dict[str, str], backend_folder: Any, bus: EventBus | None = None) -> None:
        self._urls = urls
        self._folder = backend_folder
        self._numbers = itertools.count()
        self._opened: list[Platform] = []
        self._subscriber: Subscriber | None = None
        self.bus = bus or MemoryBus()
        self.credit = self._open(PUBLISHER)
        self.consumer = self._open(CONSUMER)

    def _open(self, spec: ServiceSpec) -> Platform:
        settings = ServiceSettings(
            data_dir=self._folder,
            database_url=self._urls[spec.name],
            bus_url="memory:",
            log_level="error",
            worker_id=str(next(self._numbers)),
        )
        platform = spec.platform(settings, bus=self.bus, clock=FixedClock(NOW))
        self._opened.append(platform)
        return platform

    def another(self) -> Platform:
        return self._open(CONSUMER)

    async def close(self) -> None:
        for platform in self._opened:
            await platform.db.close()
        self._opened.clear()

    async def restart_publisher(self) -> None:
        await self.credit.db.close()
        self.credit = self._open(PUBLISHER)

    async def restart_consumer(self) -> None:
        """As after a kill: what was read and not committed on the bus is read again; then what `run` does first."""
        await self.consumer.db.close()
        if self._subscriber is not None:
            await self._subscriber.close()
            self._subscriber = None
        self.consumer = self._open(CONSUMER)
        await self.consumer.consumer._go_on()

    async def publish(self, *events: Event) -> None:
        await publish(self.credit, *events)

    async def relay(self) -> None:
        while await self.credit.relay.step():
            pass

    async def read(self, limit: int = 500) -> list[StoredRecord]:
        if self._subscriber is None:
            self._subscriber = await self.bus.subscribe("traceability", TOPICS, member="by-hand:0")
        return await self._subscriber.poll(limit=limit, timeout=0.0)

    async def commit(self, records: Sequence[StoredRecord]) -> None:
        assert self._subscriber is not None
        await self._subscriber.commit(records)

    async def consume(self, limit: int = 500) -> int:
        """Read one batch, apply it and commit its place on the bus; how many records it was."""
        records = await self.read(limit)
        if records:
            await self.consumer.consumer.apply(records)
            failpoints.hit("consumer.before_offset_commit")
            await self.commit(records)
            failpoints.hit("consumer.after_offset_commit")
        return len(records)

    async def letters(self) -> dict[tuple[str, int], str]:
        """State of each dead letter by `(key, sequence)`."""
        async with self.consumer.read() as session:
            rows = await dead_letters.page(session, state=None, after=None, limit=1000)
        return {(row.key, row.sequence): row.state for row in rows}

    async def letter_id(self, key: str, sequence: int) -> str:
        async with self.consumer.read() as session:
            rows = await dead_letters.page(session, state=None, after=None, limit=1000)
        return next(row.id for row in rows if (row.key, row.sequence) == (key, sequence))


@asynccontextmanager
async def by_hand(backend: Backend) -> AsyncIterator[ByHand]:
    urls = {
        "credit": backend.bare(metadata_of(PublisherTable)),
        "traceability": backend.bare(metadata_of(ConsumerTable)),
    }
    made = ByHand(urls, backend.folder)
    try:
        yield made
    finally:
        await made.close()
