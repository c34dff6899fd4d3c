"""Keeps the OpenAPI documents of the upstreams, and answers the merged one."""

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.gateway.documents import page
from services.gateway.documents.merge import merge
from services.gateway.state import gateway_of
from services.gateway.upstreams.client import UpstreamError
from shared.auth import Public
from shared.web import Router, allow

if TYPE_CHECKING:
    from shared.platform import Platform

AGAIN_SECONDS = 300
"""A document changes with a release; one that is missing is asked for each time its service is seen alive."""


async def run(platform: "Platform") -> None:
    """Fetch what is missing every second, everything every five minutes."""
    gateway = gateway_of(platform)
    rounds = 0
    while True:
        if rounds % AGAIN_SECONDS == 0:
            wanted = set(gateway.upstreams)
        else:
            wanted = {name for name in gateway.upstreams if gateway.documents.get(name) is None}
        for name in sorted(wanted):
            if gateway.monitor.seen[name].state not in ("down", "unknown") or rounds == 0:
                await fetch(platform, name)
        rounds += 1
        await asyncio.sleep(1)


async def fetch(platform: "Platform", name: str) -> None:
    gateway = gateway_of(platform)
    try:
        document = await gateway.upstreams[name].get_json("/openapi.json", deadline=gateway.deadline(None))
    except UpstreamError:
        return
    if isinstance(document, dict) and isinstance(document.get("paths"), dict):
        gateway.documents[name] = document


def install(app: FastAPI, platform: "Platform") -> None:
    """Make `/openapi.json` the merged document and `/docs` a page of it."""
    own = app.openapi

    def merged() -> dict[str, Any]:
        gateway = gateway_of(platform)
        return merge(own(), {name: gateway.documents.get(name) for name in gateway.upstreams})

    app.openapi = merged  # type: ignore[method-assign]
    # FastAPI's own page loads its scripts from elsewhere.
    kept = [route for route in app.router.routes if getattr(route, "path", None) != "/docs"]
    app.router.routes[:] = [*_docs(app).routes, *kept]


def _docs(app: FastAPI) -> Router:
    router = Router(include_in_schema=False)

    @router.get("/docs", include_in_schema=False)
    @allow(Public())
    async def docs() -> HTMLResponse:
        return HTMLResponse(page.render(app.openapi()), headers=page.HEADERS)

    return router
