"""Moves committed outbox rows to the bus, in order for each key.

One active relay for each database (a lease, for economy). A relay that lost its lease may still send: consumers skip
what is not newer. Woken in process after a commit; the slow poll finds what another process wrote.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

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
_MARK_SECONDS = 0.05
"""A row may look as if it waited for so long after it was sent."""
_LAST_SECONDS = 1.0
_COLUMNS = "position, event_id, topic, key, sequence, type, headers, data, created_at"
_PENDING = (
    f"SELECT {_COLUMNS} FROM outbox WHERE published_at IS NULL AND NOT position = ANY($1::bigint[]) "  # noqa: S608
    f"ORDER BY position LIMIT {_BATCH}"
)
_PENDING_FILE = (
    f"SELECT {_COLUMNS} FROM outbox WHERE published_at IS NULL "  # noqa: S608 - names of columns, as above
    f"AND position NOT IN (SELECT value FROM json_each($1)) ORDER BY position LIMIT {_BATCH}"
)
_MARK = text("UPDATE outbox SET published_at = :now WHERE position = ANY(CAST(:positions AS bigint[]))").bindparams(
    bindparam("now", type_=UTC)
)
_MARK_FILE = text("UPDATE outbox SET published_at = :now WHERE position IN :positions").bindparams(
    bindparam("now", type_=UTC), bindparam("positions", expanding=True)
)
log = structlog.get_logger("relay")


class _Row(NamedTuple):
    position: int
    event_id: str
    topic: str
    key: str
    sequence: int
    type: str
    headers: str
    data: bytes
    created_at: datetime | str


class Relay:
    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._holder = f"{platform.name}:{platform.settings.worker_id}"
        self._renewed = 0.0
        self._sent: list[int] = []
        """Positions that are on the bus and not marked yet: a mark is a commit, and one serves for many."""
        self._sent_since = 0.0

    async def run(self) -> None:
        """Until cancelled. An error of the bus or the database is raised to the supervisor, which starts this again."""
        wake = self._platform.outbox_written
        try:
            while True:
                wake.clear()
                if await self._holds():
                    if await self.step() == _BATCH:
                        continue
                else:
                    self._sent.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_MARK_SECONDS if self._sent else self._platform.settings.poll_seconds):
                        await wake.wait()
        except asyncio.CancelledError:
            async with asyncio.timeout(_LAST_SECONDS):
                await self._mark()
            raise

    async def _holds(self) -> bool:
        now = time.monotonic()
        if now - self._renewed < _RENEW_SECONDS:
            return True
        async with self._platform.system_unit_of_work() as uow:
            held = await acquire(uow.session, "relay", self._holder, uow.now)
        self._renewed = now if held else 0.0
        return held

    async def step(self) -> int:
        """Send one batch; how many rows it was. Marks what was sent when nothing waits, or it is time."""
        rows = await self._pending()
        if rows:
            failpoints.hit("relay.before_send")
            await self._platform.bus.publish([to_record(row.topic, self._envelope(row)) for row in rows])
            failpoints.hit("relay.after_send")
            metrics.RELAYED.inc(len(rows))
            if not self._sent:
                self._sent_since = time.monotonic()
            self._sent += [row.position for row in rows]
        if not rows or len(self._sent) >= _BATCH or time.monotonic() - self._sent_since >= _MARK_SECONDS:
            await self._mark()
        return len(rows)

    async def _pending(self) -> list[_Row]:
        db = self._platform.db
        if db.is_sqlite:
            return [_Row(*row) for row in await db.fetch(_PENDING_FILE, orjson.dumps(self._sent).decode())]
        return [_Row(*row) for row in await db.fetch(_PENDING, self._sent)]

    async def _mark(self) -> None:
        if not self._sent:
            return
        async with self._platform.system_unit_of_work() as uow:
            failpoints.hit("relay.before_mark")
            parameters: dict[str, Any] = {"now": uow.now, "positions": self._sent}
            await uow.session.execute(_MARK_FILE if self._platform.db.is_sqlite else _MARK, parameters)
        failpoints.hit("relay.after_mark")
        self._sent.clear()

    def _envelope(self, row: _Row) -> Envelope:
        headers = orjson.loads(row.headers)
        time_ = row.created_at
        return Envelope(
            id=row.event_id,
            type=row.type,
            source=self._platform.name,
            key=row.key,
            sequence=row.sequence,
            time=datetime.fromisoformat(time_) if isinstance(time_, str) else time_,
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
