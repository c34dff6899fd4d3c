"""Every query on announced lights."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from services.indicators.status.models import Light
from shared.db import AsyncSession
from shared.db.sql import upsert


async def announced(session: AsyncSession, areas: Iterable[str]) -> dict[tuple[str, str], dict[str, Any]]:
    rows = await session.execute(
        select(col(Light.target_id), col(Light.area_code), col(Light.body)).where(
            col(Light.area_code).in_(sorted(areas))
        )
    )
    return {(target, area): body for target, area, body in rows}


async def all_subjects(session: AsyncSession) -> list[tuple[str, str]]:
    rows = await session.execute(
        select(col(Light.target_id), col(Light.area_code)).order_by(col(Light.area_code), col(Light.target_id))
    )
    return [(target, area) for target, area in rows]


async def announce(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await upsert(session, Light, rows, key=["target_id", "area_code"])
