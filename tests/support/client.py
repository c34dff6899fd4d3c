"""An HTTP client whose calls say who makes them."""

from typing import Any

import httpx
from starlette.types import ASGIApp

from shared.clock import Clock
from tests.support.callers import Caller


class Client:
    """`await client.post("/v1/…", json=…, as_=department("…"))`; without `as_`, nobody in particular.

    Tokens are made at the app's clock. Everything else is `httpx.AsyncClient.request`.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        # an unhandled exception in the app must reach the client as the answer that a real server would give
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("127.0.0.1", 1234))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test")
        self._clock = clock

    async def request(self, method: str, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", None) or {})
        if as_ is not None:
            headers = {**as_.headers(self._clock.now()), **headers}
        return await self.http.request(method, url, headers=headers, **options)

    async def get(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("GET", url, as_=as_, **options)

    async def head(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("HEAD", url, as_=as_, **options)

    async def options(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("OPTIONS", url, as_=as_, **options)

    async def post(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("POST", url, as_=as_, **options)

    async def put(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("PUT", url, as_=as_, **options)

    async def patch(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("PATCH", url, as_=as_, **options)

    async def delete(self, url: str, *, as_: Caller | None = None, **options: Any) -> httpx.Response:
        return await self.request("DELETE", url, as_=as_, **options)

    async def close(self) -> None:
        await self.http.aclose()
