"""The audit log: who did what, when and why, hash-chained in batches so that a change afterwards shows.

Entries are written in the transaction of what they tell. A background task seals them: each batch has the hash of the
one before it, `sha256(previous || canonical JSON of its entries)`. `verify` needs nothing but the two tables.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from shared.db import tables
from shared.db.lease import acquire
from shared.db.session import AsyncSession
from shared.db.sql import insert_rows
from shared.db.types import utc_text

if TYPE_CHECKING:
    from shared.platform import Platform

GENESIS = "0" * 64
_BATCH = 1000
_SEAL_SECONDS = 5.0
entries, batches = tables.audit_entry, tables.audit_batch
_FIELDS = ("id", "at", "principal", "kind", "department", "action", "subject", "purpose", "request_id", "detail")


def batch_hash(previous: str, rows: list[Any]) -> str:
    digest = sha256(previous.encode())
    for row in rows:
        values = {name: getattr(row, name) for name in _FIELDS} | {"at": utc_text(row.at)}
        digest.update(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()


async def seal(platform: Platform) -> int:
    """Seal what is unsealed; how many entries it was. An entry committed later with an older id joins a later batch."""
    async with platform.system_unit_of_work() as uow:
        session = uow.session
        if not await acquire(session, "audit", f"{platform.name}:{platform.settings.worker_id}", uow.now):
            return 0
        rows = list(
            (
                await session.execute(
                    select(entries).where(entries.c.batch.is_(None)).order_by(entries.c.id).limit(_BATCH)
                )
            ).all()
        )
        if not rows:
            return 0
        last = (await session.execute(select(batches).order_by(batches.c.batch.desc()).limit(1))).first()
        number, previous = (last.batch + 1, last.hash) if last else (1, GENESIS)
        await insert_rows(
            session,
            batches,
            [
                {
                    "batch": number,
                    "sealed_at": uow.now,
                    "entries": len(rows),
                    "previous": previous,
                    "hash": batch_hash(previous, rows),
                }
            ],
        )
        for start in range(0, len(rows), 400):
            ids = [row.id for row in rows[start : start + 400]]
            await session.execute(update(entries).where(entries.c.id.in_(ids)).values(batch=number))
    return len(rows)


async def run(platform: Platform) -> None:
    while True:
        while await seal(platform) == _BATCH:
            pass
        await asyncio.sleep(_SEAL_SECONDS)


async def verify(session: AsyncSession) -> tuple[int, str | None]:
    """`(entries that hold, what is wrong or None)`. Works on a copy of the database, without a running service."""
    previous, count = GENESIS, 0
    for batch in (await session.execute(select(batches).order_by(batches.c.batch))).all():
        rows = list(
            (await session.execute(select(entries).where(entries.c.batch == batch.batch).order_by(entries.c.id))).all()
        )
        if batch.previous != previous:
            return count, f"batch {batch.batch}: the batch before it was changed or removed"
        if len(rows) != batch.entries:
            return count, f"batch {batch.batch}: {batch.entries} entries were sealed, {len(rows)} are there"
        if batch_hash(previous, rows) != batch.hash:
            return count, f"batch {batch.batch}: an entry was changed after sealing"
        previous, count = batch.hash, count + len(rows)
    return count, None
