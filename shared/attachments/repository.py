"""Queries on attachments."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from shared.attachments.models import attachment
from shared.db.session import AsyncSession
from shared.db.sql import upsert


async def rows_of(session: AsyncSession, sha256: str) -> Sequence[Row[Any]]:
    """All rows of one content, oldest first."""
    statement = (
        select(attachment).where(attachment.c.sha256 == sha256).order_by(attachment.c.created_at, attachment.c.owner)
    )
    rows: Sequence[Row[Any]] = (await session.execute(statement)).all()
    return rows


async def rows_of_each(session: AsyncSession, digests: Collection[str]) -> Sequence[Row[Any]]:
    """All rows of several contents, oldest first."""
    statement = (
        select(attachment)
        .where(attachment.c.sha256.in_(sorted(digests)))
        .order_by(attachment.c.created_at, attachment.c.owner)
    )
    rows: Sequence[Row[Any]] = (await session.execute(statement)).all()
    return rows


async def keep(session: AsyncSession, row: Mapping[str, Any]) -> None:
    """A new row, or the same owner's row with its new name and visibility."""
    await upsert(session, attachment, [row], key=["sha256", "owner"], update=["name", "visibility", "area"])


async def any_row(session: AsyncSession) -> bool:
    return (await session.execute(select(attachment.c.sha256).limit(1))).first() is not None
