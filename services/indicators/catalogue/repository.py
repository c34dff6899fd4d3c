"""Every query on target versions."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import or_, update
from sqlmodel import col, select

from services.indicators.catalogue.models import TargetVersion
from shared.db import AsyncSession
from shared.db.sql import insert_rows


async def known(session: AsyncSession, valid_on: date, known_at: datetime) -> Sequence[TargetVersion]:
    """All targets as they stood on a day, as known at an instant, in the plan's order."""
    result = await session.exec(
        select(TargetVersion)
        .where(
            TargetVersion.valid_from <= valid_on,
            TargetVersion.known_from <= known_at,
            or_(col(TargetVersion.known_to).is_(None), col(TargetVersion.known_to) > known_at),
        )
        .order_by(col(TargetVersion.position))
    )
    return result.all()


async def versions(session: AsyncSession, target_id: str) -> Sequence[TargetVersion]:
    result = await session.exec(
        select(TargetVersion).where(TargetVersion.target_id == target_id).order_by(col(TargetVersion.version))
    )
    return result.all()


async def current(session: AsyncSession) -> Sequence[TargetVersion]:
    result = await session.exec(
        select(TargetVersion).where(col(TargetVersion.known_to).is_(None)).order_by(col(TargetVersion.position))
    )
    return result.all()


async def close(session: AsyncSession, rows: Sequence[TargetVersion], at: datetime) -> None:
    for row in rows:
        await session.execute(
            update(TargetVersion)
            .where(col(TargetVersion.target_id) == row.target_id, col(TargetVersion.version) == row.version)
            .values(known_to=at)
        )


async def add(session: AsyncSession, rows: Sequence[TargetVersion]) -> None:
    await insert_rows(session, TargetVersion, [row.model_dump() for row in rows])
