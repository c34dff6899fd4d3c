"""Queries of test reports."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, tuple_
from sqlmodel import col

from services.traceability.inspections.models import LotTest
from services.traceability.masterdata.models import Lot, Party
from services.traceability.masterdata.supervision import supervised
from shared.area_scope import within
from shared.auth import Principal
from shared.db import AsyncSession


async def lot_with_party(session: AsyncSession, lot_id: str) -> tuple[Lot, Party | None] | None:
    statement = (
        select(Lot, Party).outerjoin(Party, col(Party.uscc) == col(Lot.owner_uscc)).where(col(Lot.lot_id) == lot_id)
    )
    row = (await session.execute(statement)).first()
    return (row[0], row[1]) if row else None


async def first(session: AsyncSession, recorder: str, laboratory: str, report_number: str) -> LotTest | None:
    """The first version under the natural key."""
    statement = select(LotTest).where(
        col(LotTest.recorder) == recorder,
        col(LotTest.laboratory) == laboratory,
        col(LotTest.report_number) == report_number,
        col(LotTest.version) == 1,
    )
    found: LotTest | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def present(session: AsyncSession, test_id: str) -> LotTest | None:
    """The present version, locked until commit: corrections of one report come one after the other."""
    statement = select(LotTest).where(col(LotTest.test_id) == test_id, col(LotTest.known_to).is_(None))
    statement = statement.with_for_update().execution_options(populate_existing=True)
    while True:
        found: LotTest | None = (await session.execute(statement)).scalar_one_or_none()
        # Nothing found: there is none, or the version that was waited for was replaced and its successor is read anew.
        if found is not None or not await versions(session, test_id):
            return found


async def versions(session: AsyncSession, test_id: str) -> list[LotTest]:
    """Every version of one report, oldest first."""
    statement = select(LotTest).where(col(LotTest.test_id) == test_id).order_by(col(LotTest.version))
    return list((await session.execute(statement)).scalars())


async def has_tests(session: AsyncSession, lot_id: str) -> bool:
    statement = select(col(LotTest.test_id)).where(col(LotTest.lot_id) == lot_id, col(LotTest.known_to).is_(None))
    return (await session.execute(statement.limit(1))).first() is not None


def seen_by(principal: Principal) -> ColumnElement[bool]:
    """An enterprise sees the reports of lots that are its own, and those that it recorded; an authority those of
    samples taken in its area, and the own tests of firms that it supervises."""
    if principal.kind == "enterprise":
        own = select(col(Lot.lot_id)).where(col(Lot.owner_uscc) == principal.uscc)
        return or_(col(LotTest.lot_id).in_(own), col(LotTest.recorder) == f"enterprise:{principal.uscc}")
    sampled = within(col(LotTest.area_code), principal.area)
    own_tests = and_(col(LotTest.kind) != "supervision", col(LotTest.producer_uscc).in_(supervised(principal)))
    return or_(sampled, own_tests)


async def page(
    session: AsyncSession,
    *,
    lot_id: str | None,
    reader: ColumnElement[bool],
    result: str | None,
    limit: int,
    after: Any,
) -> list[LotTest]:
    """Present versions, newest first; one row more than `limit` when there is a next page. `reader`: what of them the
    caller may see (`seen_by`)."""
    statement = select(LotTest).where(col(LotTest.known_to).is_(None), reader)
    if lot_id is not None:
        statement = statement.where(col(LotTest.lot_id) == lot_id)
    if result is not None:
        statement = statement.where(col(LotTest.result) == result)
    if after is not None:
        statement = statement.where(tuple_(col(LotTest.known_from), col(LotTest.test_id)) < after)
    statement = statement.order_by(col(LotTest.known_from).desc(), col(LotTest.test_id).desc()).limit(limit + 1)
    return list((await session.execute(statement)).scalars())
