"""`/v1/overview` and `/v1/targets/{id}`."""

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

import orjson
from fastapi import Query, Request
from fastapi.responses import Response

from services.gateway.city import views
from services.gateway.schemas import CityView, TargetView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.answers import age_headers, view_response
from services.gateway.upstreams.clients import UPSTREAMS
from shared.auth import Public
from shared.errors import NotFound
from shared.events.indicators import Light
from shared.reference.areas import AreaCode, is_code
from shared.web import CurrentPlatform, HotAnswer, HotRequest, HotRoute, RequestLang, Router, allow, problem
from shared.web.asof import PastDay

if TYPE_CHECKING:
    from shared.platform import Platform

router = Router(prefix="/v1", tags=["city"])


async def _load(platform: "Platform", _match: re.Match[str], request: HotRequest) -> HotAnswer | None:
    asked = parse_qs(request.query, keep_blank_values=True)
    area = asked.get("area", [platform.settings.city])
    if set(asked) - {"area"} or len(area) != 1 or not is_code(area[0]):
        return None
    view = await views.city_view(platform, area=area[0])
    return HotAnswer(
        orjson.dumps(view),
        tags=("targets", f"city:{area[0]}", "lists", "recalls", "feed", *freshness.tags(view)),
        fresh_until=freshness.fresh_until(view, platform.clock.now()),
        headers=age_headers(view),
    )


HOT = [HotRoute(pattern=r"/v1/overview", load=_load, vary_query=True)]


@router.get("/overview", response_model=CityView, responses=problem(422))
@allow(Public())
async def overview(
    request: Request,
    platform: CurrentPlatform,
    lang: RequestLang,
    area: Annotated[AreaCode | None, Query(description="Area code; the city when left out")] = None,
    as_of: PastDay = None,
    light: Annotated[Light | None, Query(description="Only targets with this light")] = None,
    dept: Annotated[str | None, Query(max_length=100, description="Only targets of this department")] = None,
) -> Response:
    """全市概览 / The city at a glance: targets and lights, what needs action, lists, recalls, newest notices."""
    view = await views.city_view(
        platform,
        area=area,
        as_of=as_of,
        light=light,
        dept=dept,
        lang=lang,
        deadline=UPSTREAMS.of(platform).deadline(request.headers.get("x-request-deadline-ms")),
    )
    return view_response(view)


@router.get("/targets/{target_id}", response_model=TargetView, responses=problem(404, 422))
@allow(Public())
async def target(
    target_id: str,
    request: Request,
    platform: CurrentPlatform,
    lang: RequestLang,
    area: Annotated[AreaCode | None, Query(description="Area code; the city when left out")] = None,
    as_of: PastDay = None,
) -> Response:
    """一项目标 / One target: clause, light, other areas, series (asked from indicators for this answer)."""
    view = await views.target_view(
        platform,
        target_id,
        area=area,
        as_of=as_of,
        lang=lang,
        deadline=UPSTREAMS.of(platform).deadline(request.headers.get("x-request-deadline-ms")),
    )
    if view is None:
        raise NotFound("target", zh=f"没有目标 {target_id}", en=f"No target {target_id}")
    return view_response(view)


# NOIMPORT
