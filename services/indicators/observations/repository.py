"""Every query on observations."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, true, update
from sqlalchemy import select as core_select
from sqlmodel import col, select

from services.indicators.areas.scope import covers
from services.indicators.observations.models import Observation
from shared.db import AsyncSession
from shared.db.sql import chunks, insert_rows


async def current(session: AsyncSession, keys: Iterable[str]) -> dict[str, Observation]:
    found: dict[str, Observation] = {}
    for chunk in chunks(keys):
        rows = await session.exec(
            select(Observation).where(col(Observation.series_key).in_(chunk), col(Observation.known_to).is_(None))
        )
        found |= {row.series_key: row for row in rows}
    return found


async def series_of_external(session: AsyncSession, submitter: str, ids: Iterable[str]) -> dict[str, str]:
    """external_id -> series that the submitter used it for."""
    found: dict[str, str] = {}
    for chunk in chunks(ids):
        rows = await session.execute(
            core_select(col(Observation.external_id), col(Observation.series_key)).where(
                col(Observation.submitted_by) == submitter, col(Observation.external_id).in_(chunk)
            )
        )
        found |= {external: key for external, key in rows if external is not None}
    return found


async def close(session: AsyncSession, ids: Iterable[str], at: datetime) -> None:
    for chunk in chunks(ids):
        await session.execute(
            update(Observation)
            .where(col(Observation.observation_id).in_(chunk))
            .values(known_to=at)
            .execution_options(synchronize_session=False)
        )


async def add(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await insert_rows(session, Observation, rows)


def known_at(at: datetime) -> ColumnElement[bool]:
    return and_(
        col(Observation.known_from) <= at, or_(col(Observation.known_to).is_(None), col(Observation.known_to) > at)
    )


_FIGURE = (
    col(Observation.target_id),
    col(Observation.area_code),
    col(Observation.area_name),
    col(Observation.within),
    col(Observation.breakdown),
    col(Observation.category),
    col(Observation.period_from),
    col(Observation.period_to),
    col(Observation.n),
    col(Observation.passed),
    col(Observation.value),
    col(Observation.grade),
    col(Observation.state),
    col(Observation.components),
    col(Observation.source),
)


async def figures(
    session: AsyncSession, root: str, day: date, known: datetime, targets: Iterable[str] | None = None
) -> Sequence[Row[Any]]:
    """Figures of an area and those below it whose period has begun by `day`, as known at `known`."""
    wanted = true() if targets is None else col(Observation.target_id).in_(sorted(targets))
    result = await session.execute(
        core_select(*_FIGURE)
        .where(
            or_(covers(col(Observation.area_code), root), covers(col(Observation.within), root)),
            col(Observation.period_from) <= day,
            known_at(known),
            wanted,
        )
        .order_by(col(Observation.period_to), col(Observation.observation_id))
    )
    found: Sequence[Row[Any]] = result.all()
    return found


async def find(session: AsyncSession, observation_id: str) -> Observation | None:
    return await session.get(Observation, observation_id)


async def page(
    session: AsyncSession,
    *,
    known: datetime,
    target_id: str | None,
    area: str | None,
    external_id: str | None,
    history: bool,
    after: str | None,
    limit: int,
) -> Sequence[Observation]:
    statement = select(Observation).where(col(Observation.known_from) <= known)
    if not history:
        statement = statement.where(known_at(known))
    if target_id is not None:
        statement = statement.where(Observation.target_id == target_id)
    if area is not None:
        statement = statement.where(or_(col(Observation.area_code) == area, col(Observation.within) == area))
    if external_id is not None:
        statement = statement.where(Observation.external_id == external_id)
    if after is not None:
        statement = statement.where(col(Observation.observation_id) > after)
    rows = await session.exec(statement.order_by(col(Observation.observation_id)).limit(limit))
    return rows.all()
