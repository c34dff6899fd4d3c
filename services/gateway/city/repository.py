"""Every query of the dashboard."""

from collections.abc import Sequence

from sqlalchemy import and_, select

from services.gateway.city.models import LightRow, TargetRow
from services.gateway.projection import Row
from shared.db import AsyncSession
from shared.db.sql import table_of, upsert

_target = table_of(TargetRow)
_light = table_of(LightRow)

TargetWithLight = tuple[Row, str, Row | None, str | None]
"""Target body, its change time, light body in the area, its change time."""


async def save_targets(session: AsyncSession, rows: Sequence[Row]) -> None:
    await upsert(session, TargetRow, rows, key=["target_id"])


async def save_lights(session: AsyncSession, rows: Sequence[Row]) -> None:
    await upsert(session, LightRow, rows, key=["target_id", "area_code"])


async def targets_with_lights(
    session: AsyncSession, area_code: str, *, target_id: str | None = None
) -> list[TargetWithLight]:
    """All targets (or one) in the plan's order, each with its light in the area."""
    join = _target.outerjoin(_light, and_(_light.c.target_id == _target.c.target_id, _light.c.area_code == area_code))
    query = (
        select(_target.c.body, _target.c.changed_at, _light.c.body, _light.c.changed_at)
        .select_from(join)
        .order_by(_target.c.position, _target.c.target_id)
    )
    if target_id is not None:
        query = query.where(_target.c.target_id == target_id)
    return list(await session.execute(query))


async def lights_of(session: AsyncSession, target_id: str) -> list[Row]:
    query = select(_light.c.body).where(_light.c.target_id == target_id).order_by(_light.c.area_code)
    return [body for (body,) in await session.execute(query)]


async def lit_areas(session: AsyncSession) -> list[str]:
    return list((await session.execute(select(_light.c.area_code).distinct().order_by(_light.c.area_code))).scalars())
