"""Every query on violations. Those of the intake are set-based: one statement for a batch, whatever its size."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, or_, tuple_, update
from sqlalchemy import select as columns
from sqlmodel import select

from services.credit.sets import among, for_each
from services.credit.violations.models import Violation
from shared.area_scope import within
from shared.db import AsyncSession
from shared.db.sql import insert_rows, table_of

_table = table_of(Violation)
_c = _table.c


async def first_pushes(
    session: AsyncSession, natural_keys: Collection[str], external_keys: Collection[str]
) -> Sequence[Row[Any]]:
    """`(violation_id, natural_key, external_key, body, receipt)` of first versions with one of the keys."""
    first = columns(_c.violation_id, _c.natural_key, _c.external_key, _c.body, _c.receipt).where(_c.version == 1)
    statement: Any = for_each(session, first, _c.natural_key, natural_keys)
    if external_keys:  # a union: of an OR over two indexes the planner makes a walk through the table
        statement = statement.union(for_each(session, first, _c.external_key, external_keys))
    rows: Sequence[Row[Any]] = (await session.execute(statement)).all()
    return rows


async def insert_new(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Insert first versions; answer the ids that were not, because another transaction came first with the same key.

    Rows go in key order, so that two batches with the same keys never wait for each other in a circle.
    """
    ordered = sorted(rows, key=lambda row: str(row["natural_key"]))
    if await insert_rows(session, Violation, ordered, ignore=True) == len(rows):
        return set()
    ids = {str(row["violation_id"]) for row in rows}
    first = columns(_c.violation_id).where(_c.version == 1)
    there = await session.scalars(for_each(session, first, _c.violation_id, ids))
    return ids - set(there)


async def current(session: AsyncSession, violation_id: str, *, lock: bool = False) -> Violation | None:
    statement = select(Violation).where(_c.violation_id == violation_id, _c.known_to.is_(None))
    if lock:
        statement = statement.with_for_update()
    return (await session.exec(statement)).one_or_none()


async def versions(session: AsyncSession, violation_id: str) -> Sequence[Violation]:
    statement = select(Violation).where(_c.violation_id == violation_id).order_by(_c.version)
    return (await session.exec(statement)).all()


async def version(session: AsyncSession, violation_id: str, number: int) -> Violation | None:
    return await session.get(Violation, (violation_id, number))


async def by_external_key(session: AsyncSession, external_key: str) -> Violation | None:
    """The latest version under the unit's own number."""
    statement = select(Violation).where(_c.external_key == external_key).order_by(_c.version.desc()).limit(1)
    return (await session.exec(statement)).one_or_none()


async def of_enterprise(session: AsyncSession, uscc: str, known: datetime) -> Sequence[Violation]:
    """The version of each record that was in force at the instant, newest decision first."""
    statement = (
        select(Violation)
        .where(_c.uscc == uscc, _c.known_from <= known, or_(_c.known_to.is_(None), _c.known_to > known))
        .order_by(_c.valid_from.desc(), _c.violation_id.desc())
    )
    return (await session.exec(statement)).all()


async def due(session: AsyncSession, act: str, until: date, limit: int) -> Sequence[Violation]:
    """Records whose next act is `act`, due by `until`, oldest first; rows that another worker holds are left to it."""
    # PostgreSQL sorts all that is due before it locks the first: the keys go through that, the texts are read after it.
    keys = await session.execute(
        columns(_c.violation_id)
        .where(_c.due_act == act, _c.due_on <= until, _c.known_to.is_(None))
        .order_by(_c.due_on, _c.violation_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(keys.scalars())
    if not ids:
        return []
    statement = (
        select(Violation)
        .where(among(session, _c.violation_id, ids), _c.known_to.is_(None))
        .order_by(_c.due_on, _c.violation_id)
    )
    return (await session.exec(statement)).all()


async def duties(
    session: AsyncSession, area: str, *, before: date | None, after: tuple[date, str] | None, limit: int
) -> Sequence[Violation]:
    """Records of an area that must be published, by (due day, id); `before` keeps those due earlier than that day."""
    statement = select(Violation).where(_c.due_act == "publish", _c.known_to.is_(None), within(_c.area_code, area))
    if before is not None:
        statement = statement.where(_c.due_on < before)
    if after is not None:
        statement = statement.where(tuple_(_c.due_on, _c.violation_id) > after)
    statement = statement.order_by(_c.due_on, _c.violation_id).limit(limit)
    return (await session.exec(statement)).all()


async def close_version(session: AsyncSession, violation_id: str, number: int, known_to: datetime) -> None:
    await session.execute(
        update(_table).where(_c.violation_id == violation_id, _c.version == number).values(known_to=known_to)
    )
