"""Moves committed outbox rows to the bus, in order for each key.

One active relay for each database (a lease, for economy). A relay that lost its lease may still send: consumers skip
what is not newer. Woken in process after a commit; the slow poll finds what another process wrote.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import bindparam, func, select, text

from shared import failpoints, metrics
from shared.bus.envelope import Envelope, to_record
from shared.db import tables
from shared.db.lease import acquire
from shared.db.types import UTC

if TYPE_CHECKING:
    from shared.platform import Platform

_BATCH = 500
_RENEW_SECONDS = 3.0
_MARK = text("UPDATE outbox SET published_at = :now WHERE position = ANY(CAST(:positions AS bigint[]))").bindparams(
    bindparam("now", type_=UTC)
)
_MARK_IN = text("UPDATE outbox SET published_at = :now WHERE position IN :positions").bindparams(
    bindparam("now", type_=UTC), bindparam("positions", expanding=True)
)
log = structlog.get_logger("relay")


class Relay:
    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._holder = f"{platform.name}:{platform.settings.worker_id}"
        self._renewed = 0.0

    async def run(self) -> None:
        """Until cancelled. An error of the bus or the database is raised to the supervisor, which starts this again."""
        wake = self._platform.outbox_written
        while True:
            wake.clear()
            while await self._holds() and await self.step():
                pass
            try:
                async with asyncio.timeout(self._platform.settings.poll_seconds):
                    await wake.wait()
            except TimeoutError:
                continue

    async def _holds(self) -> bool:
        now = time.monotonic()
        if now - self._renewed < _RENEW_SECONDS:
            return True
        async with self._platform.system_unit_of_work() as uow:
            held = await acquire(uow.session, "relay", self._holder, uow.now)
        self._renewed = now if held else 0.0
        return held

    async def step(self) -> int:
        """Send one batch; how many rows it was."""
        platform = self._platform
        async with platform.read() as session:
            rows = (
                await session.execute(
                    select(tables.outbox)
                    .where(tables.outbox.c.published_at.is_(None))
                    .order_by(tables.outbox.c.position)
                    .limit(_BATCH)
                )
            ).all()
        if not rows:
            return 0
        failpoints.hit("relay.before_send")
        await platform.bus.publish([to_record(row.topic, self._envelope(row)) for row in rows])
        failpoints.hit("relay.after_send")
        async with platform.system_unit_of_work() as uow:
            failpoints.hit("relay.before_mark")
            parameters: dict[str, Any] = {"now": uow.now, "positions": [row.position for row in rows]}
            await uow.session.execute(_MARK_IN if platform.db.is_sqlite else _MARK, parameters)
        failpoints.hit("relay.after_mark")
        metrics.RELAYED.inc(len(rows))
        return len(rows)

    def _envelope(self, row: Any) -> Envelope:
        headers = orjson.loads(row.headers)
        return Envelope(
            id=row.event_id,
            type=row.type,
            source=self._platform.name,
            key=row.key,
            sequence=row.sequence,
            time=row.created_at,
            data=row.data,
            correlation_id=headers.get("correlationid"),
            causation_id=headers.get("causationid"),
            traceparent=headers.get("traceparent"),
        )


async def pending(platform: "Platform") -> Mapping[str, float]:
    """`{"pending": rows, "oldest_seconds": age of the oldest}` of the outbox."""
    async with platform.read() as session:
        row = (
            await session.execute(
                select(func.count(), func.min(tables.outbox.c.created_at)).where(tables.outbox.c.published_at.is_(None))
            )
        ).one()
    count, oldest = row
    if isinstance(oldest, str):
        oldest = datetime.fromisoformat(oldest)
    age = max(0.0, (platform.clock.now() - oldest).total_seconds()) if oldest else 0.0
    return {"pending": count, "oldest_seconds": age}
