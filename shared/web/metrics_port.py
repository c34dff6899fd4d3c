"""`/metrics` on a port of its own: for the network of whoever watches the platform, which its clients do not reach."""

import asyncio
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST

from shared.web.operations import exposition

if TYPE_CHECKING:
    from shared.platform import Platform


async def serve(platform: "Platform") -> None:
    """Until cancelled. An address that is taken is an error for the supervisor, which tries again and says so."""
    from aiohttp import web  # a service without such a port does not load it

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await exposition(platform), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=1)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, platform.settings.metrics_host, platform.settings.metrics_port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
