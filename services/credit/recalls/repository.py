"""Every query on what is known of recalls."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import tuple_
from sqlmodel import select

from services.credit.recalls.models import RecallNote
from services.credit.sets import among
from shared.area_scope import within
from shared.db import AsyncSession
from shared.db.sql import table_of

_c = table_of(RecallNote).c


async def by_id(session: AsyncSession, recall_ids: Collection[str]) -> dict[str, RecallNote]:
    statement = select(RecallNote).where(among(session, _c.recall_id, recall_ids)).order_by(_c.recall_id)
    return {row.recall_id: row for row in await session.exec(statement)}


async def of_enterprise(session: AsyncSession, uscc: str, known: datetime) -> Sequence[RecallNote]:
    """Recalls opened by the instant, newest first."""
    statement = (
        select(RecallNote).where(_c.uscc == uscc, _c.opened_at <= known).order_by(_c.opened_at.desc(), _c.recall_id)
    )
    return (await session.exec(statement)).all()


async def duties(
    session: AsyncSession, area: str, *, before: date | None, after: tuple[date, str] | None, limit: int
) -> Sequence[RecallNote]:
    """Open recalls of an area by (day they must be finished, id)."""
    statement = select(RecallNote).where(_c.state == "open", within(_c.area_code, area))
    if before is not None:
        statement = statement.where(_c.finish_by < before)
    if after is not None:
        statement = statement.where(tuple_(_c.finish_by, _c.recall_id) > after)
    return (await session.exec(statement.order_by(_c.finish_by, _c.recall_id).limit(limit))).all()
