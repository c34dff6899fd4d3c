"""Routes of the case leads."""

from typing import Annotated, Literal

from fastapi import Query

from services.credit.leads import repository
from services.credit.leads.schemas import LeadOut
from services.credit.people import OFFICERS
from shared.auth import Department
from shared.errors import Forbidden
from shared.web import CurrentPrincipal, Page, ReadSession, Router, allow, page_of, page_params, problem
from shared.web.paging import Keyset

router = Router(prefix="/v1/credit", tags=["leads"])
_LEADS = Keyset("leads", str)


@router.get("/leads", responses=problem(401, 403, 422))
@allow(Department("credit:violations:write"), OFFICERS, private=True)
async def read(
    session: ReadSession,
    principal: CurrentPrincipal,
    params: page_params,
    state: Annotated[Literal["open", "closed"] | None, Query()] = None,
) -> Page[LeadOut]:
    """Case leads of the caller's area, oldest first: goods that failed a test."""
    if principal.area is None:
        raise Forbidden("area", zh="令牌没有地区", en="Your token has no area")
    after = _LEADS.after(params.cursor)
    rows = await repository.page(session, principal.area, state, after and after[0], params.limit + 1)
    leads = [LeadOut.model_validate(row, from_attributes=True) for row in rows]
    return page_of(leads, params.limit, _LEADS, lambda lead: (lead.lead_id,))
