"""`/v1/lists/{colour}`."""

from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from services.gateway.enterprises import views
from services.gateway.schemas import ListView
from services.gateway.upstreams.answers import view_response
from shared.auth import Public
from shared.reference.areas import AreaCode
from shared.web import CurrentPlatform, Router, allow, page_params, problem
from shared.web.paging import next_link

router = Router(tags=["enterprises"])


@router.get("/v1/lists/{colour}", response_model=ListView, responses=problem(422))
@allow(Public())
async def listing(
    request: Request,
    colour: Literal["black", "red"],
    platform: CurrentPlatform,
    params: page_params,
    q: Annotated[str | None, Query(max_length=100, description="Part of a name, or the beginning of a USCC")] = None,
    area: Annotated[AreaCode | None, Query(description="Area code; the areas below it are included")] = None,
) -> Response:
    """红黑榜 / The red or black list as in force today, newest publication first. The authoritative list with
    `valid_at` and `known_at` is `/v1/credit/lists/{colour}`."""
    q = q.strip() if q else None
    view = await views.list_view(platform, colour, q=q or None, area=area, limit=params.limit, cursor=params.cursor)
    return view_response(view, headers=next_link(request, view["next"]))
