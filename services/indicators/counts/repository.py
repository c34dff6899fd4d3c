"""Every query on the projections."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, or_, select, true, update
from sqlmodel import col

from services.indicators.areas.scope import covers
from services.indicators.base import Table
from services.indicators.counts.models import (
    EnterpriseVersion,
    ListingPeriod,
    RecallCase,
    SampleState,
    SampleTest,
    ViolationPublication,
)
from services.indicators.counts.rules import SampledMonth, TestFact
from shared.area_scope import within
from shared.clock import end_of_day
from shared.db import AsyncSession
from shared.db.sql import chunks, insert_rows, table_of


async def add_versions(session: AsyncSession, model: type[Table], key: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows (oldest first) and end the version before each at the moment when the new one is known."""
    if not rows:
        return
    table = table_of(model)
    newest: dict[str, dict[str, Any]] = {}
    for row in rows:
        row["known_to"] = None
        if (before := newest.get(row[key])) is not None:
            before["known_to"] = row["known_from"]
        newest[row[key]] = row
    first = {row[key]: row for row in reversed(rows)}
    connection = await session.connection()
    await connection.execute(
        update(table)
        .where(table.c[key] == bindparam("b_key"), table.c.known_to.is_(None))
        .values(known_to=bindparam("b_at")),
        [{"b_key": value, "b_at": row["known_from"]} for value, row in sorted(first.items())],
    )
    await insert_rows(session, model, rows)


async def end(session: AsyncSession, model: type[Table], key: str, column: str, ends: Sequence[dict[str, Any]]) -> None:
    """`ends`: key, end, and when it became known. Ends the present version of each."""
    if not ends:
        return
    table = table_of(model)
    connection = await session.connection()
    await connection.execute(
        update(table)
        .where(table.c[key] == bindparam("b_key"), table.c.known_to.is_(None))
        .values({column: bindparam("b_end"), "end_known_from": bindparam("b_at")}),
        list(ends),
    )


async def ended_recalls(session: AsyncSession, ids: Iterable[str]) -> dict[str, tuple[datetime, datetime]]:
    """Recalls that are closed -> when, and when that became known."""
    table = table_of(RecallCase)
    found: dict[str, tuple[datetime, datetime]] = {}
    for chunk in chunks(ids):
        rows = await session.execute(
            select(table.c.recall_id, table.c.ended_at, table.c.end_known_from).where(
                table.c.recall_id.in_(chunk), table.c.known_to.is_(None), table.c.ended_at.is_not(None)
            )
        )
        found |= {recall_id: (ended, known) for recall_id, ended, known in rows}
    return found


# --- samples ------------------------------------------------------------------------------------------------------


async def add_tests(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await insert_rows(session, SampleTest, rows)


async def samples_of_tests(session: AsyncSession, test_ids: Iterable[str]) -> set[str]:
    """Every sample that one of these tests ever named."""
    found: set[str] = set()
    for chunk in chunks(test_ids):
        rows = await session.execute(select(col(SampleTest.sample_id)).where(col(SampleTest.test_id).in_(chunk)))
        found.update(rows.scalars())
    return found


async def facts_of_samples(session: AsyncSession, sample_ids: Iterable[str]) -> dict[str, list[TestFact]]:
    """By sample: all versions of every test that ever named it."""
    tests: dict[str, set[str]] = {}
    for chunk in chunks(sample_ids):
        rows = await session.execute(
            select(col(SampleTest.sample_id), col(SampleTest.test_id)).where(col(SampleTest.sample_id).in_(chunk))
        )
        for sample_id, test_id in rows:
            tests.setdefault(sample_id, set()).add(test_id)
    facts: dict[str, list[TestFact]] = {}
    table = table_of(SampleTest)
    for chunk in chunks({test_id for named in tests.values() for test_id in named}):
        for row in await session.execute(
            select(table)
            .where(table.c.test_id.in_(chunk))
            .order_by(table.c.known_from, table.c.sequence, table.c.lot_id)
        ):
            facts.setdefault(row.test_id, []).append(
                TestFact(**{name: value for name, value in row._mapping.items() if name != "lot_id"})
            )
    return {
        sample_id: [fact for test_id in sorted(named) for fact in facts[test_id]] for sample_id, named in tests.items()
    }


async def replace_states(session: AsyncSession, sample_ids: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> None:
    for chunk in chunks(sample_ids):
        await session.execute(
            delete(SampleState)
            .where(col(SampleState.sample_id).in_(chunk))
            .execution_options(synchronize_session=False)
        )
    await insert_rows(session, SampleState, rows)


async def states_of(session: AsyncSession, sample_ids: Iterable[str]) -> set[tuple[str, str]]:
    """`(target, area)` that these samples count in, or did."""
    found: set[tuple[str, str]] = set()
    for chunk in chunks(sample_ids):
        rows = await session.execute(
            select(col(SampleState.target_id), col(SampleState.area_code)).where(col(SampleState.sample_id).in_(chunk))
        )
        found.update((target, area) for target, area in rows)
    return found


async def sampled_months(
    session: AsyncSession, root: str, day: date, known: datetime, targets: Iterable[str] | None = None
) -> list[tuple[str, SampledMonth]]:
    """`(target, month)` for an area and those below it: each sample once, as it was counted at `known`."""
    table = table_of(SampleState)
    rows = await session.execute(
        select(
            table.c.target_id,
            table.c.area_code,
            table.c.year,
            table.c.month,
            func.count(),
            func.sum(case((table.c.passed, 1), else_=0)),
            func.max(table.c.tested_on),
        )
        .where(
            covers(table.c.area_code, root),
            table.c.tested_on <= day,
            table.c.known_from <= known,
            or_(table.c.known_to.is_(None), table.c.known_to > known),
            true() if targets is None else table.c.target_id.in_(sorted(targets)),
        )
        .group_by(table.c.target_id, table.c.area_code, table.c.year, table.c.month)
        .order_by(table.c.target_id, table.c.area_code, table.c.year, table.c.month)
    )
    return [(row[0], SampledMonth(row[1], row[2], row[3], int(row[4]), int(row[5]), row[6])) for row in rows]


# --- counts by area -----------------------------------------------------------------------------------------------


def _known(table: Any, known: datetime) -> ColumnElement[bool]:
    return and_(table.c.known_from <= known, or_(table.c.known_to.is_(None), table.c.known_to > known))


def _not_ended(table: Any, column: str, by: Any, known: datetime) -> ColumnElement[bool]:
    return or_(
        table.c[column].is_(None),
        table.c[column] > by,
        table.c.end_known_from.is_(None),
        table.c.end_known_from > known,
    )


async def by_area(session: AsyncSession, root: str, day: date, known: datetime) -> dict[str, dict[str, int]]:
    """What is in force on `day`, as known at `known`: kind -> area -> number."""
    listing, violation, recall = table_of(ListingPeriod), table_of(ViolationPublication), table_of(RecallCase)
    enterprise = table_of(EnterpriseVersion)
    night = end_of_day(day)
    found: dict[str, dict[str, int]] = {kind: {} for kind in ("black", "red", "violations", "recalls", "enterprises")}
    listings = await session.execute(
        select(listing.c.colour, listing.c.area_code, func.count())
        .where(
            within(listing.c.area_code, root),
            _known(listing, known),
            listing.c.valid_from <= day,
            listing.c.valid_until >= day,
            _not_ended(listing, "ended_on", day, known),
        )
        .group_by(listing.c.colour, listing.c.area_code)
    )
    for colour, area, count in listings:
        found[colour][area] = count
    violations = await session.execute(
        select(violation.c.area_code, func.count())
        .where(
            within(violation.c.area_code, root),
            _known(violation, known),
            violation.c.published_on <= day,
            violation.c.expires_on >= day,
            _not_ended(violation, "ended_on", day, known),
        )
        .group_by(violation.c.area_code)
    )
    found["violations"] = {area: count for area, count in violations}
    recalls = await session.execute(
        select(recall.c.area_code, func.count())
        .where(
            within(recall.c.area_code, root),
            _known(recall, known),
            recall.c.opened_at <= night,
            _not_ended(recall, "ended_at", night, known),
        )
        .group_by(recall.c.area_code)
    )
    found["recalls"] = {area: count for area, count in recalls}
    enterprises = await session.execute(
        select(enterprise.c.area_code, func.count())
        .where(within(enterprise.c.area_code, root), _known(enterprise, known), enterprise.c.state == "active")
        .group_by(enterprise.c.area_code)
    )
    found["enterprises"] = {area: count for area, count in enterprises}
    return found


async def enterprises_by_industry(session: AsyncSession, root: str, known: datetime) -> list[tuple[str | None, int]]:
    """`(industry or None, number)` of the enterprises that were active, as known at `known`."""
    table = table_of(EnterpriseVersion)
    result = await session.execute(
        select(table.c.industry_code, func.count())
        .where(within(table.c.area_code, root), _known(table, known), table.c.state == "active")
        .group_by(table.c.industry_code)
        .order_by(table.c.industry_code)
    )
    return [(industry, number) for industry, number in result]
