"""The list of duties."""

from datetime import date
from typing import Annotated

from fastapi import Query

from services.credit.duties import service
from services.credit.duties.schemas import Duty
from services.credit.people import OFFICERS
from shared.auth import Department
from shared.clock import shanghai_date
from shared.errors import FieldError, Forbidden, Invalid
from shared.web import (
    CurrentPlatform,
    CurrentPrincipal,
    Page,
    PageParams,
    ReadSession,
    Router,
    allow,
    page_of,
    page_params,
    problem,
)

router = Router(prefix="/v1/credit", tags=["duties"])


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
        after=_after(params),
        limit=params.limit + 1,
    )
    return page_of(duties, params.limit, service.place)


def _after(params: PageParams) -> service.Place | None:
    if params.cursor is None:
        return None
    try:
        day, kind, id_ = params.cursor
        return date.fromisoformat(day), str(kind), str(id_)
    except (ValueError, TypeError) as error:
        raise Invalid([FieldError("?cursor", "cursor", "cursor 无效", "Invalid cursor")]) from error
