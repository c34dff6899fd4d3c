"""A real app on a migrated database, for tests: its lifespan runs, tokens are verified, events go over a memory bus."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
from starlette.types import ASGIApp

from shared.bus import Record
from shared.bus.envelope import Envelope, to_record
from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.events.base import Event, topic_of
from shared.ids import uuid7
from shared.platform import Platform
from shared.settings import ServiceSettings
from tests.support.callers import AUDIENCE, ISSUER, Caller, write_jwks
from tests.support.databases import Backend
from tests.support.lifespan import Lifespan

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=ServiceSettings)
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, a Tuesday."""
SECONDS = 20.0
"""How long a test waits for something that must happen, before it fails."""


class Client(httpx.AsyncClient):
    """`httpx.AsyncClient` whose calls take `as_=`: who calls. Without it, nobody in particular."""

    def __init__(self, app: ASGIApp, clock: FixedClock, base_url: str = "http://test") -> None:
        super().__init__(transport=httpx.ASGITransport(app=app), base_url=base_url)
        self._clock = clock

    async def request(self, method: str, url: httpx.URL | str, *, as_: Caller | None = None, **options: Any) -> Any:  # type: ignore[override]
        if as_ is not None:
            options["headers"] = {**as_.headers(self._clock.now()), **dict(options.get("headers") or {})}
        return await super().request(method, url, **options)

    async def get(self, url: str, **options: Any) -> httpx.Response:  # type: ignore[override]
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> httpx.Response:  # type: ignore[override]
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> httpx.Response:  # type: ignore[override]
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> httpx.Response:  # type: ignore[override]
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> httpx.Response:  # type: ignore[override]
        return await self.request("DELETE", url, **options)
