"""What the gateway's view of the services behind it declares."""

import asyncio

from services.gateway.upstreams import api
from services.gateway.upstreams.clients import UPSTREAMS
from shared.web import Domain, Platform


async def watch(platform: Platform) -> None:
    """Also closes the clients, since this is among the last things to stop."""
    upstreams = UPSTREAMS.of(platform)
    try:
        await upstreams.monitor.run(platform)
    except asyncio.CancelledError:
        await upstreams.aclose()
        raise


UPSTREAM_SERVICES = Domain("upstreams", routers=[api.router], background=[watch])
