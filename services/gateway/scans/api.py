"""`/v1/scan/{code}`: hot for everybody, the same answer through FastAPI for what the hot path leaves."""

import re
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from services.gateway.scans import body, schemas, views
from services.gateway.scans.log import SCANS
from services.gateway.upstreams import freshness
from services.gateway.upstreams.answers import age_headers, view_response
from shared.auth import Public
from shared.identifiers.digital_link import Code
from shared.reference.areas import is_code
from shared.web import CurrentPlatform, HotAnswer, HotRequest, HotRoute, RequestLang, Router, allow, problem
from shared.web.limits import rate_of

if TYPE_CHECKING:
    from shared.platform import Platform

router = Router(tags=["scan"])
PREFIX = b"/v1/scan/"


async def _load(platform: "Platform", _match: re.Match[str], request: HotRequest) -> HotAnswer | None:
    code = views.code_in_path(request.raw_path[len(PREFIX) :])
    found = await views.scanned(platform, code, request.lang)
    return HotAnswer(
        found.content,
        tags=(*tags(code, found.uscc), *freshness.tags(found.envelope)),
        fresh_until=freshness.fresh_until(found.envelope, platform.clock.now()),
        headers=age_headers(found.envelope),
    )


def tags(code: Code, uscc: str | None) -> tuple[str, ...]:
    """What makes the answer stale: the lot, the product, the producer."""
    found = [f"product:{code.gtin}"]
    if code.lot_id is not None:
        found.append(f"lot:{code.lot_id}")
    if uscc:
        found.append(f"enterprise:{uscc}")
    return tuple(found)


def _count(platform: "Platform", _match: re.Match[str], request: HotRequest, answer: HotAnswer) -> None:
    if answer.status == 200:
        where = request.headers.get(b"x-scan-area")
        code = views.code_in_path(request.raw_path[len(PREFIX) :])
        count(platform, code, where.decode("latin-1") if where else None, request.rate)


def count(platform: "Platform", code: Code, where: str | None, rate: int) -> None:
    """Log one scan. `where` is an area code that the client gave, or nothing; `rate` see `ScanLog.add`."""
    SCANS.of(platform).add(platform, code, where if where and is_code(where) else None, rate)


HOT = [HotRoute(pattern=r"/v1/scan/.+", load=_load, after=_count, public_only=False)]

_RESPONSES = problem(400, 422)


@router.get("/v1/scan/{code:path}", response_model=schemas.ScanAnswer, responses=_RESPONSES)
@allow(Public())
async def scan(code: str, request: Request, platform: CurrentPlatform, lang: RequestLang) -> Response:
    """一次扫码的结论 / The answer for one scan, of the gateway's own copy.

    `code` is the path of a Digital Link (`01/{gtin}/10/{lot}/21/{serial}`), or any other form percent-encoded as one
    segment: a Digital Link URI, an element string, `GTIN+lot+serial`, the lot id `{gtin14}.{lot}` of lists and
    events. A code that nobody registered is answered with
    `unknown`; what is no code is a 400 that says which character is wrong. `X-Scan-Area` may tell the area code of the
    place; scan counts are at `links.scans`.
    """
    raw: bytes = request.scope.get("raw_path") or f"/v1/scan/{code}".encode()
    return await respond(platform, views.code_in_path(raw[len(PREFIX) :]), request, lang)


@router.get("/v1/scan", response_model=schemas.ScanAnswer, responses=_RESPONSES)
@allow(Public())
async def scan_by_query(
    code: Annotated[str, Query(min_length=1, max_length=views.LONGEST_CODE)],
    request: Request,
    platform: CurrentPlatform,
    lang: RequestLang,
) -> Response:
    """The same for a code that does not go well into a path."""
    return await respond(platform, views.read_code(code), request, lang)


async def respond(platform: "Platform", code: Code, request: Request, lang: RequestLang) -> Response:
    view = await views.of_code(platform, code)
    count(platform, code, request.headers.get("x-scan-area"), rate_of(request.scope))
    return view_response(body.answer(view, code, lang))
