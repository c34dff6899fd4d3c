"""Every query on tests and alerts."""

from collections.abc import Callable, Sequence
from datetime import date

from sqlalchemy import case, func, or_, select

from services.gateway.inspections.models import AlertRow, AlertSubjectRow, TestRow
from services.gateway.projection import Row
from services.gateway.scans.models import LotRow
from shared.db import AsyncSession
from shared.db.sql import insert_rows, table_of, upsert

_test = table_of(TestRow)
_alert = table_of(AlertRow)
_subject = table_of(AlertSubjectRow)
_lot = table_of(LotRow)

MOST_READ = 1_000
"""Reports of one enterprise that are looked at for one answer."""


async def save_tests(session: AsyncSession, rows: Sequence[Row]) -> None:
    await upsert(session, TestRow, rows, key=["test_id"])


async def tally(session: AsyncSession, uscc: str, since: date, until: date) -> tuple[int, int]:
    """Supervision tests of a producer between two days, both inclusive: how many, how many passed."""
    passed = func.sum(case((_test.c.result == "pass", 1), else_=0))
    query = select(func.count(), passed).where(
        _test.c.producer_uscc == uscc, _test.c.kind == "supervision", _test.c.tested_on.between(since, until)
    )
    n, ok = (await session.execute(query)).one()
    return n, ok or 0


async def newest(
    session: AsyncSession,
    uscc: str,
    until: date,
    *,
    limit: int,
    kind: str | None = "supervision",
    seen: Callable[[Row], bool] | None = None,
) -> list[Row]:
    """Newest first. `seen`: which of them to keep, looked at among the newest thousand."""
    query = (
        select(_test.c.body)
        .where(_test.c.producer_uscc == uscc, _test.c.tested_on <= until)
        .order_by(_test.c.tested_on.desc(), _test.c.test_id.desc())
        .limit(limit if seen is None else MOST_READ)
    )
    if kind is not None:
        query = query.where(_test.c.kind == kind)
    found = [body for (body,) in await session.execute(query)]
    return [body for body in found if seen is None or seen(body)][:limit]


async def save_alerts(session: AsyncSession, rows: Sequence[Row], subjects: Sequence[Row]) -> None:
    await upsert(session, AlertRow, rows, key=["alert_id"])
    await insert_rows(session, AlertSubjectRow, subjects, ignore=True)


async def alerts(session: AsyncSession, alert_ids: Sequence[str]) -> dict[str, Row]:
    query = select(_alert).where(_alert.c.alert_id.in_(sorted(set(alert_ids))))
    return {row["alert_id"]: dict(row) for row in (await session.execute(query)).mappings()}


async def open_alerts(session: AsyncSession, uscc: str) -> list[Row]:
    """Open alerts about an enterprise or about a lot that it produced, newest first."""
    lots = select(_lot.c.lot_id).where(_lot.c.producer_uscc == uscc)
    named = select(_subject.c.alert_id).where(or_(_subject.c.subject == uscc, _subject.c.subject.in_(lots)))
    query = select(_alert.c.body).where(_alert.c.alert_id.in_(named), _alert.c.closed_at.is_(None))
    found = [body for (body,) in await session.execute(query)]
    return sorted(found, key=lambda alert: (alert["opened_at"], alert["alert_id"]), reverse=True)
