"""The routes of the portal: `router` goes last into the gateway, `scan_page` answers its Digital Link paths."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from services.gateway.portal import city_pages, credit_pages, food_pages, service_pages
from services.gateway.portal.assets import ASSETS
from services.gateway.portal.errors import error_page
from services.gateway.portal.food_pages import scan_page
from shared.auth import Public
from shared.errors import NotFound
from shared.web import Router, allow
from shared.web.header_values import address_of
from shared.web.routing import PolicyRoute

__all__ = ["router", "scan_page"]

router = Router(include_in_schema=False)
MACHINE_PATHS = (
    "/v1/",
    "/epcis",
    "/sdmx",
    "/oauth/",
    "/.well-known/",
    "/docs",
    "/static/",
    "/openapi.json",
    "/asyncapi",
)


@router.get("/static/{name}", include_in_schema=False, response_model=None)
@allow(Public())
async def static(name: str) -> Response:
    asset = ASSETS.get(name)
    if asset is None:
        raise NotFound("path", zh="没有这个文件", en="No such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(asset.body, headers=headers, media_type=asset.media_type)


for part in (city_pages, credit_pages, food_pages, service_pages):
    router.routes.extend(part.pages.router.routes)


class BrowserRoute(PolicyRoute):
    """Takes any path, but only from a browser that asks for a page: programs keep the problem document of the 404."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        accept = next((v for k, v in scope.get("headers", ()) if k == b"accept"), b"")
        wanted = scope.get("method") in ("GET", "HEAD") and b"text/html" in accept
        if not wanted or scope.get("path", "").startswith(MACHINE_PATHS):
            return Match.NONE, {}
        return super().matches(scope)


@allow(Public())
async def missing(request: Request) -> Response:
    path = address_of(request)
    if path.endswith("/") and not request.url.path.startswith("//") and path.strip("/"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(path.rstrip("/") + query, 308)
    return error_page(request, NotFound("path", zh="没有这个页面", en="There is no such page"))


router.add_api_route(
    "/{path:path}",
    missing,
    methods=["GET", "HEAD"],
    include_in_schema=False,
    response_model=None,
    route_class_override=BrowserRoute,
)
