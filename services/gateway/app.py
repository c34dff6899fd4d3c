"""The gateway as one ASGI app: issuer, views, portal, proxy, background work."""

import asyncio

from services.gateway.city import api as city
from services.gateway.documents import follow
from services.gateway.enterprises import api as enterprises
from services.gateway.feed import api as feed
from services.gateway.issuer import api as issuer
from services.gateway.issuer import service as accounts
from services.gateway.links import api as links
from services.gateway.portal import pages
from services.gateway.profiles import api as profiles
from services.gateway.proxy import api as proxy
from services.gateway.recalls import api as recalls
from services.gateway.scans import api as scans
from services.gateway.settings import Settings
from services.gateway.state import Gateway, gateway_of
from services.gateway.subscriptions import PROJECTION_TABLES, SUBSCRIPTIONS
from services.gateway.upstreams import api as state
from shared.bus import EventBus
from shared.clock import Clock
from shared.platform import Platform
from shared.web import ServiceSpec, build_app
from shared.web.app import App

ROUTERS = [
    issuer.router,
    city.router,
    profiles.router,
    enterprises.router,
    scans.router,
    recalls.router,
    feed.router,
    state.router,
    links.router,
    proxy.router,
    pages.router,  # last: it has a page for every path that nobody took
]


async def make_keys(platform: Platform) -> None:
    gateway_of(platform).keys.ensure(platform.clock.now())


async def tell_clients(platform: Platform) -> None:
    """Clients that were registered before the other services heard of them."""
    told = 1
    while told:
        async with platform.system_unit_of_work() as uow:
            told = await accounts.tell_clients(uow)


async def watch_upstreams(platform: Platform) -> None:
    """Also closes the clients, since this is among the last things to stop."""
    try:
        await gateway_of(platform).monitor.run(platform)
    except asyncio.CancelledError:
        await gateway_of(platform).aclose()
        raise


async def flush_scans(platform: Platform) -> None:
    await gateway_of(platform).scans.run(platform)


async def follow_documents(platform: Platform) -> None:
    await follow.run(platform)


async def last_scans(platform: Platform) -> None:
    await gateway_of(platform).scans.flush(platform)


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    app = build_app(
        ServiceSpec(
            name="gateway",
            title="Pinzhi 品质",
            public=True,
            routers=ROUTERS,
            subscriptions=SUBSCRIPTIONS,
            projection_tables=PROJECTION_TABLES,
            limits=settings.limits(),
            hot=[*scans.HOT, *profiles.HOT, *city.HOT],
            background=[watch_upstreams, flush_scans, follow_documents],
            on_start=[make_keys, tell_clients],
            on_stop=[last_scans],
            state={"gateway": Gateway(settings)},
        ),
        settings,
        bus=bus,
        clock=clock,
    )
    follow.install(app.fastapi, app.platform)
    return app
