"""Queries of the intake messages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from services.credit.topic_intake.models import IntakeMessage
from shared.db import AsyncSession
from shared.db.sql import insert_rows


async def answers(session: AsyncSession, places: Iterable[str]) -> dict[str, str]:
    """Answers that were given already, by place."""
    table = IntakeMessage.__table__  # type: ignore[attr-defined]
    rows = await session.execute(select(table.c.place, table.c.answer).where(table.c.place.in_(list(places))))
    return {place: answer for place, answer in rows}


async def keep(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await insert_rows(session, IntakeMessage, rows)


async def page(
    session: AsyncSession, *, status: str | None, sender: str | None, after: str | None, limit: int
) -> list[IntakeMessage]:
    """By place, oldest partition and offset first."""
    table = IntakeMessage.__table__  # type: ignore[attr-defined]
    statement = select(IntakeMessage).order_by(table.c.place).limit(limit)
    for column, value in ((table.c.status, status), (table.c.sender, sender)):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(table.c.place > after)
    return list((await session.execute(statement)).scalars())
