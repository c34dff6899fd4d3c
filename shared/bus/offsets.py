"""Tells the bus how far its records are applied, beside the next poll: Kafka takes 5 ms over it, and nothing waits for
it, since the inbox knows what took effect."""

import asyncio
from collections.abc import Sequence

from shared import failpoints
from shared.bus.envelope import StoredRecord
from shared.bus.progress import Place
from shared.bus.protocol import Subscriber

_CLOSE_SECONDS = 2.0


class Offsets:
    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._newest: dict[Place, StoredRecord] = {}
        self._telling: asyncio.Task[None] | None = None

    def applied(self, records: Sequence[StoredRecord]) -> None:
        """These (and all before them in their partitions) took effect. Raises what failed since the last call."""
        for record in records:
            self._newest[record.topic, record.partition] = record
        if self._telling is None or self._telling.done():
            telling, self._telling = self._telling, None
            if telling is not None:
                telling.result()
            if self._newest:
                self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._newest:
            newest, self._newest = self._newest, {}
            failpoints.hit("consumer.before_offset_commit")
            await self._subscriber.commit(list(newest.values()))
            failpoints.hit("consumer.after_offset_commit")

    async def close(self) -> None:
        """Waits a moment for what is being told; what is not told is read again and skipped."""
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=_CLOSE_SECONDS)
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
