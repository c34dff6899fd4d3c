"""Builds the ASGI app of a service from its spec."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import ASGIApp

from shared import audit, failpoints, metrics, retention
from shared.auth.policy import Public
from shared.bus.protocol import EventBus
from shared.clock import Clock
from shared.db import tables
from shared.events.asyncapi import asyncapi_document
from shared.logs import configure_logging
from shared.platform import Platform
from shared.reference import areas
from shared.settings import ServiceSettings
from shared.web import metrics_port, problems
from shared.web.document import openapi
from shared.web.hot import HotApp
from shared.web.hot_writes import HotWrites
from shared.web.limits import RateLimits
from shared.web.middleware import EntityTags, HeadAsGet, RequestContext
from shared.web.operations import events_router, health_router
from shared.web.routing import Router, allow
from shared.web.spec import ServiceSpec
from shared.web.supervisor import Supervisor
from shared.web.worker import WorkerPlace

log = structlog.get_logger("app")
_VERSION = "0.1.0"
_LOOK_SECONDS = 0.5
_SWITCH_SECONDS = 0.0005
"""How long a thread that works on something large keeps the loop waiting, each time: a request has dozens of turns."""


class App:
    """An ASGI app that tells its platform, its FastAPI app and its spec (for tests, documents and checks)."""

    def __init__(self, asgi: ASGIApp, fastapi: FastAPI, platform: Platform, spec: ServiceSpec) -> None:
        self._asgi = asgi
        self.fastapi = fastapi
        self.platform = platform
        self.spec = spec

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._asgi(scope, receive, send)


def build_app(
    spec: ServiceSpec, settings: ServiceSettings, *, bus: EventBus | None = None, clock: Clock | None = None
) -> App:
    configure_logging(spec.name, level=settings.log_level, form=settings.log_format)
    failpoints.arm(settings.failpoints)
    areas.use(settings.resolved_areas())
    platform = spec.platform(settings, bus=bus, clock=clock)
    app = FastAPI(
        title=spec.title or f"Pinzhi {spec.name}",
        version=_VERSION,
        lifespan=_lifespan(platform, spec),
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.platform = platform
    problems.install(app)
    # Routes are flat: FastAPI matches nested routers one level at a time.
    for router in (health_router(public=spec.public), events_router(spec.name), _asyncapi_router()):
        app.router.routes.extend(router.routes)
    app.router.routes.extend(spec.routes)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    routed: ASGIApp = HeadAsGet(EntityTags(app), app.router.routes)
    if hot_writes := spec.of_domains(lambda domain: domain.hot_writes):
        routed = HotWrites(routed, platform, hot_writes, app.router.routes)
    if spec.hot:
        routed = HotApp(routed, platform, spec.hot, app.router.routes)
    whole: ASGIApp = RequestContext(routed, service=spec.name, settings=settings)
    if spec.limits:
        whole = RateLimits(whole, platform, spec.limits)
    return App(whole, app, platform, spec)


@cache
def _asyncapi_bytes() -> bytes:
    return orjson.dumps(asyncapi_document())


def _asyncapi_router() -> Router:
    router = Router(tags=["operations"])

    @router.get("/asyncapi.json", response_model=dict[str, Any])
    @allow(Public())
    async def asyncapi() -> Response:
        """All events of the platform (AsyncAPI 3.0)."""
        # Made once, and not on the loop; to serialize it each time would take as long.
        return Response(await asyncio.to_thread(_asyncapi_bytes), media_type="application/json")

    return router


def _lifespan(platform: Platform, spec: ServiceSpec) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(_SWITCH_SECONDS)
        supervisor, place = Supervisor(platform), WorkerPlace(platform)
        try:
            await place.take()
            await platform.start_bus()
            await _start_hot(platform)
            await platform.revocations.load(platform)
            for run in spec.of_domains(lambda domain: domain.on_start):
                await run(platform)
        except Exception as error:
            platform.failing["start"] = platform.db.reason(error) or f"{type(error).__name__}: {error}"[:500]
            await platform.db.close()
            raise
        supervisor.start("worker", place.keep)
        supervisor.start("relay", platform.relay.run)
        supervisor.start("consumer", platform.consumer.run)
        supervisor.start("audit", lambda: audit.run(platform))
        supervisor.start("retention", lambda: retention.run(platform))
        supervisor.start("loop", lambda: _watch_loop(platform))
        supervisor.start("hot", lambda: _follow_hot(platform))
        supervisor.start("revocations", lambda: platform.revocations.run(platform))
        if platform.settings.metrics_port:
            supervisor.start("metrics", lambda: metrics_port.serve(platform))
        for task in spec.background:
            supervisor.start(f"{task.__module__}.{task.__name__}", lambda task=task: task(platform))  # type: ignore[misc]
        try:
            yield
        finally:
            for run in spec.of_domains(lambda domain: domain.on_stop):
                await run(platform)
            await supervisor.stop()
            if platform.owns_bus:
                await platform.bus.close()
            with suppress(OSError, SQLAlchemyError):  # the database may be away; then the lease runs out
                await place.leave()
            await platform.db.close()

    return lifespan


async def _start_hot(platform: Platform) -> None:
    async with platform.read() as session:
        platform.hot_cache.sequence = (
            await session.execute(select(func.coalesce(func.max(tables.hot_invalidation.c.sequence), 0)))
        ).scalar_one()


async def _follow_hot(platform: Platform) -> None:
    while True:
        await platform.hot_cache.follow(platform.db)
        await asyncio.sleep(platform.settings.poll_seconds)


async def _watch_loop(platform: Platform) -> None:
    """How late the event loop is; and what a clock that is set back must not leave behind."""
    gauge = metrics.LOOP_LAG.labels(platform.name)
    seen = platform.clock.now()
    while True:
        expected = time.monotonic() + _LOOK_SECONDS
        await asyncio.sleep(_LOOK_SECONDS)
        gauge.set(max(0.0, time.monotonic() - expected))
        now = platform.clock.now()
        if now < seen:
            log.warning("the clock was set back", seconds=round((seen - now).total_seconds(), 3))
            platform.hot_cache.invalidate(["*"])  # answers are fresh until an instant
            platform.db.clock_was_set_back()
        seen = now
