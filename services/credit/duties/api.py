"""The list of duties."""

from datetime import date
from typing import Annotated

from fastapi import Query

from services.credit.duties import service
from services.credit.duties.schemas import Duty
from services.credit.people import OFFICERS
from shared.auth import Department
from shared.clock import shanghai_date
from shared.errors import Forbidden
from shared.web import (
    CurrentPlatform,
    CurrentPrincipal,
    Page,
    ReadSession,
    Router,
    allow,
    page_of,
    page_params,
    problem,
)
from shared.web.paging import Keyset

router = Router(prefix="/v1/credit", tags=["duties"])
_DUTIES = Keyset("duties", date.fromisoformat, str, str)


@router.get("/duties", responses=problem(401, 403, 422))
@allow(Department("credit:violations:write"), OFFICERS, private=True)
async def read(
    session: ReadSession,
    platform: CurrentPlatform,
    principal: CurrentPrincipal,
    params: page_params,
    overdue: Annotated[bool, Query(description="只列逾期的")] = False,
) -> Page[Duty]:
    """What must be done in the caller's area, by its last day."""
    if principal.area is None:
        raise Forbidden("area", zh="令牌没有地区", en="Your token has no area")
    duties = await service.page(
        session,
        principal.area,
        shanghai_date(platform.clock.now()),
        overdue=overdue,
        after=_DUTIES.after(params.cursor),
        limit=params.limit + 1,
    )
    return page_of(duties, params.limit, _DUTIES, service.place)
