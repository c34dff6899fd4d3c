"""Queries of test reports."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlmodel import col

from services.traceability.inspections.models import LotTest
from services.traceability.masterdata.models import Lot, Party
from shared.db import AsyncSession


async def lot_with_party(session: AsyncSession, lot_id: str) -> tuple[Lot, Party | None] | None:
    statement = (
        select(Lot, Party).outerjoin(Party, col(Party.uscc) == col(Lot.owner_uscc)).where(col(Lot.lot_id) == lot_id)
    )
    row = (await session.execute(statement)).first()
    return (row[0], row[1]) if row else None


async def by_number(session: AsyncSession, laboratory: str, report_number: str) -> list[LotTest]:
    """Every version under the natural key, oldest first."""
    statement = (
        select(LotTest)
        .where(col(LotTest.laboratory) == laboratory, col(LotTest.report_number) == report_number)
        .order_by(col(LotTest.version))
    )
    return list((await session.execute(statement)).scalars())


async def versions(session: AsyncSession, test_id: str) -> list[LotTest]:
    """Every version of one report, oldest first."""
    statement = select(LotTest).where(col(LotTest.test_id) == test_id).order_by(col(LotTest.version))
    return list((await session.execute(statement)).scalars())


async def has_tests(session: AsyncSession, lot_id: str) -> bool:
    statement = select(col(LotTest.test_id)).where(col(LotTest.lot_id) == lot_id, col(LotTest.known_to).is_(None))
    return (await session.execute(statement.limit(1))).first() is not None


async def end(session: AsyncSession, test_id: str, version: int, at: datetime) -> bool:
    """End a version that is still the present one; False when another transaction was faster."""
    statement = (
        update(LotTest)
        .where(
            col(LotTest.test_id) == test_id,
            col(LotTest.version) == version,
            col(LotTest.known_to).is_(None),
        )
        .values(known_to=at)
    )
    result: Any = await session.execute(statement)
    return bool(result.rowcount == 1)


async def page(
    session: AsyncSession,
    *,
    lot_id: str | None,
    uscc: str | None,
    area: str | None,
    result: str | None,
    limit: int,
    after: Any,
) -> list[LotTest]:
    """Present versions, newest first; one row more than `limit` when there is a next page. `area`: the significant
    digits of an area code."""
    statement = select(LotTest).where(col(LotTest.known_to).is_(None))
    if lot_id is not None:
        statement = statement.where(col(LotTest.lot_id) == lot_id)
    if uscc is not None:
        statement = statement.where(col(LotTest.producer_uscc) == uscc)
    if area is not None:
        statement = statement.where(col(LotTest.area_code).startswith(area))
    if result is not None:
        statement = statement.where(col(LotTest.result) == result)
    if after is not None:
        statement = statement.where(tuple_(col(LotTest.known_from), col(LotTest.test_id)) < after)
    statement = statement.order_by(col(LotTest.known_from).desc(), col(LotTest.test_id).desc()).limit(limit + 1)
    return list((await session.execute(statement)).scalars())
