"""Routes of codes."""

from typing import Annotated, Any

import orjson
from fastapi import Path, Query
from fastapi.responses import Response

from services.traceability.codes import rules, service
from services.traceability.settings import Settings
from services.traceability.verdicts.service import read_code
from shared.auth import Public
from shared.identifiers import GTINStr, LotStr, SerialStr
from shared.identifiers.digital_link import Code
from shared.platform import Platform
from shared.web import CurrentPlatform, ReadSession, Router, allow, problem
from shared.web.header_values import link_to

router = Router(prefix="/v1/traceability", tags=["codes"])
_CACHED = {"Cache-Control": "public, max-age=86400"}
_RESPONSES: dict[int | str, dict[str, Any]] = problem(422)


def _base(platform: Platform) -> str:
    """Where the platform's Digital Links live: the public address of the gateway."""
    settings = platform.settings_as(Settings)
    return (settings.digital_link_base or settings.issuer).rstrip("/")


@router.get(
    "/codes/{code:path}/linkset",
    response_class=Response,
    responses=problem(400) | {200: {"content": {"application/linkset+json": {}}, "description": "Linkset (RFC 9264)"}},
)
@allow(Public())
async def read_linkset(code: str, session: ReadSession, platform: CurrentPlatform) -> Response:
    """一个码的全部链接 / All links of a code, as `application/linkset+json` (RFC 9264)."""
    content = await service.linkset(session, read_code(code), _base(platform))
    context = link_to(rules.CONTEXT, "http://www.w3.org/ns/json-ld#context", "application/ld+json")
    return Response(orjson.dumps(content), media_type="application/linkset+json", headers={"Link": context})


@router.get(
    "/codes/{gtin}/{lot}/qr.svg",
    response_class=Response,
    responses=_RESPONSES | {200: {"content": {"image/svg+xml": {}}, "description": "QR"}},
)
@allow(Public())
async def read_svg(
    gtin: GTINStr,
    lot: Annotated[LotStr, Path()],
    platform: CurrentPlatform,
    serial: Annotated[SerialStr | None, Query()] = None,
) -> Response:
    """二维码（SVG）/ The QR of a lot's Digital Link, or of one item with `serial`."""
    content = service.svg(Code(gtin, lot, serial), _base(platform))
    return Response(content, media_type="image/svg+xml", headers=_CACHED)


@router.get(
    "/codes/{gtin}/{lot}/qr.png",
    response_class=Response,
    responses=_RESPONSES | {200: {"content": {"image/png": {}}, "description": "QR"}},
)
@allow(Public())
async def read_png(
    gtin: GTINStr,
    lot: Annotated[LotStr, Path()],
    platform: CurrentPlatform,
    serial: Annotated[SerialStr | None, Query()] = None,
    scale: Annotated[int, Query(ge=1, le=40, description="Pixels a module")] = 8,
) -> Response:
    """二维码（PNG）/ The same as PNG."""
    content = service.png(Code(gtin, lot, serial), _base(platform), scale)
    return Response(content, media_type="image/png", headers=_CACHED)
