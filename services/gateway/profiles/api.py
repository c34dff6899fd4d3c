"""`/v1/enterprises/{uscc}`."""

import re
from typing import TYPE_CHECKING

import orjson
from fastapi import Request
from fastapi.responses import Response

from services.gateway.profiles import views
from services.gateway.schemas import EnterpriseView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.answers import age_headers, view_response
from services.gateway.upstreams.clients import UPSTREAMS
from shared.auth import Public
from shared.errors import FieldError, Invalid, NotFound
from shared.identifiers import IdentifierError
from shared.identifiers import uscc as codes
from shared.web import (
    CurrentPlatform,
    CurrentPrincipal,
    HotAnswer,
    HotRequest,
    HotRoute,
    Router,
    allow,
    problem,
)
from shared.web.asof import PastDay

if TYPE_CHECKING:
    from shared.platform import Platform

router = Router(tags=["enterprises"])


def _read(uscc: str) -> str:
    try:
        return codes.parse(uscc, nonconforming_ok=True).code
    except IdentifierError as error:
        raise Invalid([FieldError("{uscc}", error.code, error.zh, error.en)]) from error


def _found(view: EnterpriseView | None, uscc: str) -> EnterpriseView:
    if view is None:
        raise NotFound(
            "enterprise",
            zh=f"没有 {uscc} 的记录：没有公开的失信记录，也没有登记的产品",
            en=f"Nothing is known of {uscc}: no public record and no registered product",
        )
    return view


async def _load(platform: "Platform", match: re.Match[str], _request: HotRequest) -> HotAnswer | None:
    uscc = _read(match["uscc"])
    view = _found(await views.enterprise_view(platform, uscc), uscc)
    return HotAnswer(
        orjson.dumps(view),
        tags=(f"enterprise:{uscc}", *freshness.tags(view)),
        fresh_until=freshness.fresh_until(view, platform.clock.now()),
        headers=age_headers(view),
    )


HOT = [HotRoute(pattern=r"/v1/enterprises/(?P<uscc>[^/]+)", load=_load)]


@router.get("/v1/enterprises/{uscc}", response_model=EnterpriseView, responses=problem(404, 422))
@allow(Public(), private=True)
async def enterprise(
    uscc: str,
    request: Request,
    platform: CurrentPlatform,
    principal: CurrentPrincipal,
    as_of: PastDay = None,
) -> Response:
    """企业的公开信用全貌 / The whole public picture of an enterprise: identity, credit status in force, published
    penalties, products, recalls, timeline. A token of an authority adds `department`: what it could read of each
    part at the part's own service, by its scope and area. Every part says whether it is current, or as of when.
    """
    code = _read(uscc)
    deadline = UPSTREAMS.of(platform).deadline(request.headers.get("x-request-deadline-ms"))
    view = await views.enterprise_view(platform, code, as_of=as_of, reader=principal, deadline=deadline)
    return view_response(_found(view, code))
