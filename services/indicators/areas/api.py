"""`/v1/indicators/areas`: the areas that figures can be asked for."""

from typing import Annotated

from fastapi import Query

from services.indicators.areas import service
from services.indicators.areas.schemas import AreaList, AreaOut
from shared.auth import Public
from shared.reference import areas
from shared.web import CurrentPlatform, Router, allow, problem
from shared.web.asof import AsOfParams

router = Router(prefix="/v1/indicators", tags=["areas"])


@router.get("/areas", responses=problem(422))
@allow(Public())
async def list_areas(
    platform: CurrentPlatform,
    as_of: AsOfParams,
    within: Annotated[str | None, Query(max_length=20, description="只要这个地区及其下级")] = None,
) -> AreaList:
    """Areas in force on a day, in code order."""
    root = service.require(within, "?within").code if within is not None else None
    found = [area for area in areas.at(as_of.valid) if root is None or areas.is_within(area.code, root, as_of.valid)]
    return AreaList(
        items=[
            AreaOut(
                code=area.code,
                name=area.name,
                level=area.level,
                parent=area.parent,
                valid_from=area.valid_from,
                valid_until=area.valid_until,
                successors=list(area.successors),
                source=area.source,
                status=area.status,
            )
            for area in found
        ],
        as_of=as_of.valid,
        default=platform.settings.city,
    )
