"""Rows that are locked so that two transactions decide the same thing one after the other.

On SQLite the writer has the whole file; on PostgreSQL these rows are locked in name order until the commit.
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import col

from services.indicators.catalogue.models import NamedLock
from shared.db import AsyncSession
from shared.db.sql import chunks, dialect_of, insert_rows


async def lock(session: AsyncSession, names: Iterable[str]) -> None:
    ordered = sorted(set(names))
    if not ordered or dialect_of(session) != "postgresql":
        return
    await insert_rows(session, NamedLock, [{"name": name} for name in ordered], ignore=True)
    column = col(NamedLock.name)
    for chunk in chunks(ordered):
        await session.execute(select(column).where(column.in_(chunk)).order_by(column).with_for_update())
