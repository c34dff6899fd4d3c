"""Locks on lots: one transaction at a time decides on one."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlmodel import col

from services.traceability.masterdata.models import Lot
from shared.db import AsyncSession
from shared.db.locks import hold
from shared.db.sql import among, chunks, dialect_of


async def lock(session: AsyncSession, lot_ids: Iterable[str], *, alone: bool = False) -> None:
    """Let one transaction at a time decide on a lot: who waits here then reads what the other committed.

    Without it two could each overlook the other's change, and the later write would free a recalled lot. Of a lot that
    has no row (nobody registered its product) only who asks for it `alone`, to recall it, and all others wait for each
    other. SQLite has one writer anyway.
    """
    if dialect_of(session) == "sqlite":
        return
    nowhere: list[str] = []
    for chunk in chunks(lot_ids, 2_000):
        statement = select(col(Lot.lot_id)).where(among(session, col(Lot.lot_id), chunk)).order_by(col(Lot.lot_id))
        rows = set((await session.execute(statement.with_for_update(key_share=True))).scalars())
        nowhere += [lot_id for lot_id in chunk if lot_id not in rows]
    await hold(session, "lot", nowhere, shared=not alone)


async def lock_free(session: AsyncSession, lot_ids: Sequence[str]) -> list[str]:
    """Lock those of the lots that nobody has; these, and those that have no row to lock. Whoever comes back for the
    others waits for nobody, and so nobody waits for it in a circle."""
    if dialect_of(session) == "sqlite":
        return list(lot_ids)
    statement = select(col(Lot.lot_id)).where(among(session, col(Lot.lot_id), lot_ids)).order_by(col(Lot.lot_id))
    there = set((await session.execute(statement)).scalars())
    free = (await session.execute(statement.with_for_update(key_share=True, skip_locked=True))).scalars()
    return sorted({*free, *(set(lot_ids) - there)})
