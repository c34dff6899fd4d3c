"""The four services in this process, each behind a real server, on one data directory and one clock.

Works with the code of any commit since 4f5bbf5: it asks for nothing but `create_app(settings, clock=...)`.
"""

import asyncio
import contextlib
import importlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn

NAMES = ("indicators", "credit", "traceability", "gateway")
WRITTEN_BASE = "http://127.0.0.1:8000"
"""What the data calls itself, whatever port it is served on."""
_SETTLED_SECONDS, _PATIENCE_SECONDS = 1.0, 60.0


class City:
    """`base` is the gateway's address; `platforms` and `apps` are found under the names of the services."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.apps: dict[str, Any] = {}
        self.urls: dict[str, str] = {}

    @property
    def base(self) -> str:
        return self.urls["gateway"]

    def platform(self, name: str) -> Any:
        return self.apps[name].platform

    async def settled(self) -> None:
        """Wait until every event is sent and applied, and stays so for a second."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            quiet_since = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - quiet_since < _SETTLED_SECONDS:
                if not await self._quiet():
                    quiet_since = asyncio.get_running_loop().time()
                await asyncio.sleep(0.05)
        await self._heard()

    async def _heard(self) -> None:
        """Wait until the gateway knows that every part of its view is current."""
        async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient(base_url=self.base, timeout=30) as http:
            while True:
                services = (await http.get("/v1/state")).json()["services"]
                if all(each["age_seconds"] == 0 for each in services):
                    return
                await asyncio.sleep(0.1)

    async def _quiet(self) -> bool:
        from shared.bus.relay import pending

        for name in NAMES:
            platform = self.platform(name)
            if (await pending(platform))["pending"]:
                return False
            if not platform.consumer.topics:
                continue
            behind = await platform.bus.lag(platform.consumer.name, platform.consumer.topics)
            if any(behind.values()):
                return False
        return True


@asynccontextmanager
async def running(data_dir: Path, clock: Any, databases: Mapping[str, str] | None = None) -> AsyncIterator[City]:
    """`databases`: service -> PostgreSQL address; without it, the SQLite files of the data directory."""
    city = City(clock)
    async with AsyncExitStack() as stack:
        for name in NAMES:  # the gateway last: it is told where the others are
            settings: dict[str, Any] = {
                "data_dir": data_dir,
                "database_url": (databases or {}).get(name, ""),
                "bus_url": f"sqlite:{data_dir / 'bus.db'}",
                "demo": True,
                "log_level": "error",
                "issuer": WRITTEN_BASE,
            }
            if name == "gateway":
                addresses = {f"{other}_url": url for other, url in city.urls.items()}
                settings |= addresses | {"public_url": WRITTEN_BASE}
            create_app = importlib.import_module(f"services.{name}.app").create_app
            made = importlib.import_module(f"services.{name}.settings").Settings(**settings)
            city.apps[name] = create_app(made, clock=clock)
            city.urls[name] = await stack.enter_async_context(_served(city.apps[name]))
        yield city


def fixed_clock(at: datetime) -> Any:
    from shared.clock import FixedClock

    return FixedClock(at)


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # this process keeps its own


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=2, ws="none")
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            if task.done():
                task.result()
                raise RuntimeError("a service did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
