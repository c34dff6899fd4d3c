"""Keeps the OpenAPI documents of the upstreams, and answers the merged one."""

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.gateway.documents import page
from services.gateway.documents.merge import merge
from services.gateway.upstreams.client import UpstreamError
from services.gateway.upstreams.clients import UPSTREAMS
from shared.auth import Public
from shared.web import Router, allow
from shared.wiring import Kept, Wiring

if TYPE_CHECKING:
    from shared.platform import Platform

DOCUMENTS: Kept[Wiring, dict[str, dict[str, Any]]] = Kept(lambda _: {})
"""OpenAPI documents of the upstreams, by service: those that answered so far."""
AGAIN_SECONDS = 300
"""A document changes with a release; one that is missing is asked for each time its service is seen alive."""


async def run(platform: "Platform") -> None:
    """Fetch what is missing every second, everything every five minutes."""
    upstreams, documents = UPSTREAMS.of(platform), DOCUMENTS.of(platform)
    rounds = 0
    while True:
        if rounds % AGAIN_SECONDS == 0:
            wanted = set(upstreams.clients)
        else:
            wanted = {name for name in upstreams.clients if name not in documents}
        for name in sorted(wanted):
            if upstreams.monitor.seen[name].state not in ("down", "unknown") or rounds == 0:
                await fetch(platform, name)
        rounds += 1
        await asyncio.sleep(1)


async def fetch(platform: "Platform", name: str) -> None:
    upstreams = UPSTREAMS.of(platform)
    try:
        document = await upstreams.clients[name].get_json("/openapi.json", deadline=upstreams.deadline(None))
    except UpstreamError:
        return
    if isinstance(document, dict) and isinstance(document.get("paths"), dict):
        DOCUMENTS.of(platform)[name] = document


def install(app: FastAPI, platform: "Platform") -> None:
    """Make `/openapi.json` the merged document and `/docs` a page of it."""
    own = app.openapi

    def merged() -> dict[str, Any]:
        return merge(own(), {name: DOCUMENTS.of(platform).get(name) for name in UPSTREAMS.of(platform).clients})

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
