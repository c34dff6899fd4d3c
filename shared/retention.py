"""What a service keeps for a while only goes away in bounded steps, beside everything else.

A step is one short transaction over a range of an index: no scan, no lock that a writer waits for, and a kill between
two steps loses nothing, since each pass begins at the oldest row. One process of a service works at a time (a lease,
for economy): two would delete the same rows, which does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, Table, delete, func, select

from shared import metrics
from shared.db import tables
from shared.db.lease import acquire
from shared.db.uow import UnitOfWork
from shared.wiring import Wiring

_STEP = 1000
_PASS_SECONDS = 60.0
_REST = 2.0
"""So many times as long as a step took nothing is done after it: a backlog takes a third of one connection at most."""
_KEEP_ANSWERS = timedelta(days=7)
_KEEP_INVALIDATIONS = timedelta(minutes=10)


@dataclass(frozen=True)
class Expiring:
    """Rows of `table` go when `at` is older than `keep`; rows where it is NULL stay, whatever their age.

    `along` is an indexed column in whose order the rows grow old, roughly: a step in which no row is due ends a pass.
    """

    table: Table
    along: Column[Any]
    at: Column[Any]
    keep: timedelta
    newest_stays: bool = False
    """By the newest row's number a process that has not read the others sees that there were some."""


def expiring(wiring: Wiring) -> Sequence[Expiring]:
    """Published outbox rows, answers that were kept for a repeated request, invalidations that every process has read.

    Of the outbox nobody reads what was published: a replay reads the log, the relay what waits, a backup the log.
    """
    outbox, answers, hot = tables.outbox.c, tables.idempotency.c, tables.hot_invalidation.c
    keep = timedelta(hours=wiring.settings.outbox_keep_hours)
    return (
        Expiring(tables.outbox, outbox.position, outbox.published_at, keep),
        Expiring(tables.idempotency, answers.created_at, answers.created_at, _KEEP_ANSWERS),
        Expiring(tables.hot_invalidation, hot.sequence, hot.at, _KEEP_INVALIDATIONS, newest_stays=True),
    )


async def run(wiring: Wiring) -> None:
    """Until cancelled. Errors of the database go to the supervisor, which starts this again. A start has other work."""
    while True:
        await asyncio.sleep(_PASS_SECONDS)
        for kind in expiring(wiring):
            await sweep(wiring, kind)


async def sweep(wiring: Wiring, kind: Expiring, *, rest: float = _REST) -> int:
    """One pass; how many rows went."""
    behind, gone = metrics.RETENTION_BEHIND.labels(wiring.name, kind.table.name), 0
    after: Any = None
    while True:
        started = time.perf_counter()
        step = await _step(wiring, kind, after)
        if step is None:
            behind.set(0)
            return gone
        after, deleted, overdue = step
        gone += deleted
        behind.set(overdue)
        metrics.RETENTION_DELETED.labels(wiring.name, kind.table.name).inc(deleted)
        await asyncio.sleep(rest * (time.perf_counter() - started))


async def _step(wiring: Wiring, kind: Expiring, after: Any) -> tuple[Any, int, float] | None:
    """Look at the next rows behind `after` and delete those that are due: `(the last one looked at, how many were
    deleted, by how many seconds the oldest was overdue)`; None when none was due."""
    due = wiring.clock.now() - kind.keep
    window = select(kind.along, kind.at).order_by(kind.along).limit(_STEP)
    async with wiring.read() as session:
        rows = (await session.execute(window if after is None else window.where(kind.along > after))).all()
    old = [at for _, at in rows if at is not None and at < due]
    if not old:
        return None
    last = rows[-1][0]
    these = delete(kind.table).where(kind.along <= last, kind.at < due)
    if kind.newest_stays:
        these = these.where(kind.along < select(func.max(kind.along)).scalar_subquery())
    async with UnitOfWork.of_system(wiring) as uow:
        holder = f"{wiring.name}:{wiring.settings.worker_id}"
        if not await acquire(uow.session, "retention", holder, uow.now):
            return None
        result = await uow.session.execute(these if after is None else these.where(kind.along > after))
    return last, result.rowcount, (due - min(old)).total_seconds()
