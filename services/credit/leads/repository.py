"""Every query on leads."""

from collections.abc import Collection, Sequence

from sqlmodel import select

from services.credit.leads.models import Lead
from services.credit.sets import among
from shared.area_scope import within
from shared.db import AsyncSession
from shared.db.sql import table_of

_c = table_of(Lead).c


async def by_source(session: AsyncSession, source_ids: Collection[str]) -> dict[str, Lead]:
    statement = select(Lead).where(among(session, _c.source_id, source_ids)).order_by(_c.lead_id)
    return {row.source_id: row for row in await session.exec(statement)}


async def of_enterprise(session: AsyncSession, uscc: str) -> Sequence[Lead]:
    statement = select(Lead).where(_c.uscc == uscc).order_by(_c.lead_id)
    return (await session.exec(statement)).all()


async def page(session: AsyncSession, area: str, state: str | None, after: str | None, limit: int) -> Sequence[Lead]:
    """Leads of an area, oldest first."""
    statement = select(Lead).where(within(_c.area_code, area))
    if state is not None:
        statement = statement.where(_c.state == state)
    if after is not None:
        statement = statement.where(_c.lead_id > after)
    return (await session.exec(statement.order_by(_c.lead_id).limit(limit))).all()
