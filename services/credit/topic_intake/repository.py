"""Queries of the intake messages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from services.credit.sets import among
from services.credit.topic_intake.models import IntakeMessage, UnitVersion
from services.credit.topic_intake.rules import Version
from shared.db import AsyncSession
from shared.db.sql import insert_rows, table_of

_v = table_of(UnitVersion).c


async def answers(session: AsyncSession, places: Iterable[str]) -> dict[str, str]:
    """Answers that were given already, by place."""
    table = table_of(IntakeMessage)
    rows = await session.execute(select(table.c.place, table.c.answer).where(table.c.place.in_(list(places))))
    return {place: answer for place, answer in rows}


async def known_clients(session: AsyncSession, clients: Iterable[str]) -> set[str]:
    """Those of `clients` of which the issuer has told."""
    statement = select(_v.client_id).where(among(session, _v.client_id, list(clients))).distinct()
    return set((await session.execute(statement)).scalars())


async def versions(session: AsyncSession, clients: Iterable[str]) -> dict[str, list[Version]]:
    """All versions of each client, oldest first; clients that are not known are left out."""
    statement = select(UnitVersion).where(among(session, _v.client_id, sorted(set(clients))))
    found: dict[str, list[Version]] = {}
    for row in (await session.execute(statement.order_by(_v.client_id, _v.version))).scalars():
        found.setdefault(row.client_id, []).append(Version(**row.model_dump(exclude={"version"})))
    return found


async def add_versions(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await insert_rows(session, UnitVersion, rows, ignore=True)


async def keep(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await insert_rows(session, IntakeMessage, rows)


async def page(
    session: AsyncSession, *, status: str | None, sender: str | None, after: str | None, limit: int
) -> list[IntakeMessage]:
    """By place, oldest partition and offset first."""
    table = table_of(IntakeMessage)
    statement = select(IntakeMessage).order_by(table.c.place).limit(limit)
    for column, value in ((table.c.status, status), (table.c.sender, sender)):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(table.c.place > after)
    return list((await session.execute(statement)).scalars())
