"""One handler, two addresses: `/...` in Chinese, `/en/...` in English. Every error becomes a page."""

from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.responses import Response

from services.gateway.portal.errors import error_page
from services.gateway.portal.query import Ask
from shared.auth import Public
from shared.web import Router, allow
from shared.web.problems import as_platform_error

Handler = Callable[[Ask], Awaitable[Response]]


class Pages:
    """Collects handlers; `router` holds their routes. None stands in the OpenAPI document."""

    def __init__(self) -> None:
        self.router = Router(include_in_schema=False)

    def page(self, path: str) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            @allow(Public())
            async def endpoint(request: Request) -> Response:
                return await answered(request, handler)

            for address in (path, "/en" + path, *(("/en",) if path == "/" else ())):
                self.router.add_api_route(
                    address,
                    endpoint,
                    methods=["GET", "HEAD"],
                    include_in_schema=False,
                    response_model=None,
                    name=f"{handler.__name__}{'_en' if address != path else ''}",
                )
            return handler

        return add


async def answered(request: Request, handler: Handler) -> Response:
    try:
        return await handler(Ask.of(request))
    except Exception as error:
        return error_page(request, as_platform_error(error))
