"""Moves committed outbox rows to the bus, in order for each key.

One active relay for each database (a lease, for economy). A relay that lost its lease may still send: consumers skip
what is not newer. Woken in process after a commit; the slow poll finds what another process wrote.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import structlog
from sqlalchemy import bindparam, func, select, text

from shared import failpoints, metrics
from shared.bus.envelope import Envelope, to_record
from shared.db import tables
from shared.db.lease import acquire
from shared.db.types import UTC
from shared.db.uow import UnitOfWork
from shared.wiring import Wiring

_BATCH = 500
_RENEW_SECONDS = 3.0
_MARK_SECONDS = 0.05
"""A row may look as if it waited for so long after it was sent."""
_LAST_SECONDS = 1.0
_ADVANCE_SECONDS = 0.25
_COLUMNS = "position, event_id, topic, key, sequence, type, headers, data, created_at"
_PENDING = (
    f"SELECT {_COLUMNS} FROM outbox WHERE published_at IS NULL AND position > $2 "  # noqa: S608 - constants
    f"AND NOT position = ANY($1::bigint[]) ORDER BY position LIMIT {_BATCH}"
)
_PENDING_FILE = (
    f"SELECT {_COLUMNS} FROM outbox WHERE published_at IS NULL "  # noqa: S608 - constants
    f"AND position NOT IN (SELECT value FROM json_each($1)) ORDER BY position LIMIT {_BATCH}"
)
_SNAPSHOT = (
    "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s"
)
_MARK = text("UPDATE outbox SET published_at = :now WHERE position = ANY(CAST(:positions AS bigint[]))").bindparams(
    bindparam("now", type_=UTC)
)
_MARK_FILE = text("UPDATE outbox SET published_at = :now WHERE position IN :positions").bindparams(
    bindparam("now", type_=UTC), bindparam("positions", expanding=True)
)
log = structlog.get_logger("relay")


class Bound:
    """A position up to which every row that there will ever be was sent, so that PostgreSQL need not step over the
    index entries of all rows that were published since its last vacuum.

    A transaction takes its positions before it commits, so a row may appear below one that was sent long ago. But it
    had its transaction number then: once all numbers that were given out by then have ended, nothing more can come.
    """

    def __init__(self) -> None:
        self.position = 0
        self._highest = 0
        self._candidate: tuple[int, int] | None = None
        """A position that was sent, and the transaction number that was the next one afterwards."""
        self._ended: int | None = None
        """The candidate whose transactions have all ended: what they left is in the next batch, or those after it."""

    def look(self, oldest: int, following: int) -> None:
        """`oldest` transaction number under way, and the one that is given out next; asked before the batch is."""
        if self._candidate is None:
            if self._highest > self.position:
                self._candidate = (self._highest, following)
        elif self._ended is None and oldest >= self._candidate[1]:
            self._ended = self._candidate[0]

    def sent(self, positions: Sequence[int], *, all_: bool) -> None:
        """A batch, in order; `all_` when nothing else was waiting."""
        last = positions[-1] if positions else 0
        if self._ended is not None and (all_ or last >= self._ended):
            self.position, self._candidate, self._ended = self._ended, None, None
        self._highest = max(self._highest, last)


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
    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._holder = f"{wiring.name}:{wiring.settings.worker_id}"
        self._renewed = 0.0
        self._sent: list[int] = []
        """Positions that are on the bus and not marked yet: a mark is a commit, and one serves for many."""
        self._sent_since = 0.0
        self._bound = Bound()
        self._advanced = 0.0

    async def run(self) -> None:
        """Until cancelled. An error of the bus or the database is raised to the supervisor, which starts this again."""
        wake = self._wiring.outbox_written
        self._begin()
        try:
            while True:
                wake.clear()
                if await self._holds():
                    if await self.step() == _BATCH:
                        continue
                else:
                    self._begin()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_MARK_SECONDS if self._sent else self._wiring.settings.poll_seconds):
                        await wake.wait()
        except asyncio.CancelledError:
            async with asyncio.timeout(_LAST_SECONDS):
                await self._mark()
            raise

    def _begin(self) -> None:
        """Take nothing for sent that is not marked: another relay may have had the lease meanwhile."""
        self._sent, self._bound = [], Bound()

    async def _holds(self) -> bool:
        now = time.monotonic()
        if now - self._renewed < _RENEW_SECONDS:
            return True
        async with UnitOfWork.of_system(self._wiring) as uow:
            held = await acquire(uow.session, "relay", self._holder, uow.now)
        self._renewed = now if held else 0.0
        return held

    async def step(self) -> int:
        """Send one batch; how many rows it was. Marks what was sent when nothing waits, or it is time."""
        rows = await self._pending()
        if rows:
            failpoints.hit("relay.before_send")
            await self._wiring.bus.publish([to_record(row.topic, self._envelope(row)) for row in rows])
            failpoints.hit("relay.after_send")
            metrics.RELAYED.inc(len(rows))
            if not self._sent:
                self._sent_since = time.monotonic()
            self._sent += [row.position for row in rows]
        self._bound.sent([row.position for row in rows], all_=len(rows) < _BATCH)
        if not rows or len(self._sent) >= _BATCH or time.monotonic() - self._sent_since >= _MARK_SECONDS:
            await self._mark()
        return len(rows)

    async def _pending(self) -> list[_Row]:
        db = self._wiring.db
        if db.is_sqlite:
            rows = await db.fetch(_PENDING_FILE, orjson.dumps(self._sent).decode())
        else:
            if time.monotonic() - self._advanced >= _ADVANCE_SECONDS:
                ((oldest, following),) = await db.fetch(_SNAPSHOT)
                self._bound.look(oldest, following)
                self._advanced = time.monotonic()
            rows = await db.fetch(_PENDING, self._sent, self._bound.position)
        return [_Row(*row) for row in rows]

    async def _mark(self) -> None:
        if not self._sent:
            return
        async with UnitOfWork.of_system(self._wiring) as uow:
            failpoints.hit("relay.before_mark")
            parameters: dict[str, Any] = {"now": uow.now, "positions": self._sent}
            await uow.session.execute(_MARK_FILE if self._wiring.db.is_sqlite else _MARK, parameters)
        failpoints.hit("relay.after_mark")
        self._sent.clear()

    def _envelope(self, row: _Row) -> Envelope:
        headers = orjson.loads(row.headers)
        time_ = row.created_at
        return Envelope(
            id=row.event_id,
            type=row.type,
            source=self._wiring.name,
            key=row.key,
            sequence=row.sequence,
            time=datetime.fromisoformat(time_) if isinstance(time_, str) else time_,
            data=row.data,
            correlation_id=headers.get("correlationid"),
            causation_id=headers.get("causationid"),
            traceparent=headers.get("traceparent"),
        )


async def pending(wiring: Wiring) -> Mapping[str, float]:
    """`{"pending": rows, "oldest_seconds": age of the oldest}` of the outbox."""
    async with wiring.read() as session:
        row = (
            await session.execute(
                select(func.count(), func.min(tables.outbox.c.created_at)).where(tables.outbox.c.published_at.is_(None))
            )
        ).one()
    count, oldest = row
    if isinstance(oldest, str):
        oldest = datetime.fromisoformat(oldest)
    age = max(0.0, (wiring.clock.now() - oldest).total_seconds()) if oldest else 0.0
    return {"pending": count, "oldest_seconds": age}
