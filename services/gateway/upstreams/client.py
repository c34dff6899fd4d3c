"""One client for each upstream. `Upstream.request` is the only door through which the gateway calls a service."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Literal

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from services.gateway.upstreams import rules
from shared.errors import TooMany
from shared.i18n import Text

ErrorCode = Literal["unavailable", "timeout", "refused", "bad_answer", "busy"]

WORDS: dict[ErrorCode, Text] = {
    "unavailable": Text("这一部分暂时取不到，其余不受影响", "This part is unavailable; the rest is not affected"),
    "timeout": Text("这一部分没有按时回答", "This part did not answer in time"),
    "refused": Text("这一部分拒绝了请求", "This part refused the request"),
    "bad_answer": Text("这一部分的回答无法读取", "The answer of this part cannot be read"),
    "busy": Text("请求太多，请稍后再试", "Too many requests at once; try again shortly"),
}


class UpstreamError(Exception):
    """An upstream could not be had. `status` is its own answer when there was one."""

    def __init__(self, upstream: str, code: ErrorCode, *, retry_after: int = 1, status: int | None = None) -> None:
        super().__init__(f"{upstream}: {code}" + (f" ({status})" if status else ""))
        self.upstream, self.code, self.retry_after, self.status = upstream, code, retry_after, status

    @property
    def retryable(self) -> bool:
        return self.code in ("unavailable", "timeout", "busy")


@dataclass(frozen=True)
class Deadline:
    """An instant of `time.monotonic` by which a request must be answered; `full` when nobody shortened it."""

    at: float
    full: bool = True

    @classmethod
    def after(cls, seconds: float, *, full: bool = True) -> "Deadline":
        return cls(time.monotonic() + seconds, full)

    def remaining(self) -> float:
        return self.at - time.monotonic()

    def part(self, share: float = 0.85) -> "Deadline":
        """What a part of an aggregate gets, so that the whole can still be answered in time."""
        return Deadline(time.monotonic() + self.remaining() * share, self.full)


_SILENCE_SECONDS = 30.0
"""An upstream that says nothing for so long in the middle of a body has broken off."""


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),  # one client's cookie must not travel with the next client's request
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4),  # uvicorn drops idle connections after 5 s
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )


class _Body:
    """A streamed request body that remembers what went wrong with it: a client that breaks off or sends slowly must not
    look like a failing upstream."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.done = False
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        except Exception as error:
            self.error = error
            raise
        self.done = True


def _told_why(response: httpx.Response) -> bool:
    """A service that says itself what it cannot do (a full disk takes no writes) lives, and answers all else."""
    return str(response.headers.get("x-problem-code", "")).startswith("storage.")


class Upstream:
    def __init__(self, name: str, base_url: str, *, max_in_flight: int = 100, connect_timeout: float = 1.0) -> None:
        self.name, self.base_url = name, base_url.rstrip("/")
        self.breaker, self.budget = rules.Breaker(), rules.RetryBudget()
        self.max_in_flight, self.in_flight = max_in_flight, 0
        self._clients: Counter[str] = Counter()
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(client=_session),
            timeout=httpx.Timeout(None, connect=connect_timeout, read=_SILENCE_SECONDS),
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # httpx keeps cookies too
        )
        self._exact: httpx.AsyncClient | None = None
        """For headers that are no text: the faster transport would send other bytes. Made when it is needed."""

    async def aclose(self) -> None:
        await self._client.aclose()
        if self._exact is not None:
            await self._exact.aclose()

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """One of the places that a single client may have, half of all. Raises TooMany."""
        most = max(1, self.max_in_flight // 2)
        if self._clients[client] >= most:
            raise TooMany(
                "requests_in_flight",
                zh=f"一个客户端同时最多 {most} 个请求，请等前面的答复",
                en=f"At most {most} requests of a client at once; wait for the answers",
                retry_after=1,
                limit=most,
            )
        self._clients[client] += 1
        try:
            yield
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def _client_for(self, headers: httpx.Headers) -> httpx.AsyncClient:
        if rules.are_text(headers.raw):
            return self._client
        if self._exact is None:
            self._exact = httpx.AsyncClient(
                # To load the certificates holds the loop for 80 ms; without TLS there is nothing to verify.
                verify=self.base_url.startswith("https://"),
                timeout=self._client.timeout,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={},
            )
            self._exact.headers.clear()
        return self._exact

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | list[tuple[bytes, bytes]] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The response with its body still to be read, inside the `async with`; `path` is raw, with its query.

        The deadline holds until the response begins; the body is bounded by the caller. Raises UpstreamError.
        """
        now = time.monotonic()
        if self.in_flight >= self.max_in_flight:
            raise UpstreamError(self.name, "busy")
        probe = self.breaker.state(now) == "half_open"
        if not self.breaker.allow(now):
            raise UpstreamError(self.name, "unavailable", retry_after=self.breaker.retry_after(now))
        self.in_flight += 1
        self.budget.note_request()
        body = content if content is None or isinstance(content, bytes) else _Body(content)
        try:
            response = await self._begin(method, path, deadline, httpx.Headers(headers), body)
            try:
                if response.status_code in rules.RETRY_STATUS and not _told_why(response):
                    self.breaker.fail(time.monotonic(), begun=now)
                else:
                    self.breaker.succeed()
                yield response
            finally:
                await response.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            sending = isinstance(body, _Body) and not body.done
            if isinstance(body, _Body) and body.error is not None:
                raise body.error from error
            late = isinstance(error, TimeoutError)
            # A client that asks for an answer in a millisecond, or that sends its body slowly, must not open the
            # breaker for everybody.
            if not late or (deadline.full and not sending):
                self.breaker.fail(time.monotonic(), begun=now)
            raise UpstreamError(self.name, "timeout" if late else "unavailable") from error
        finally:
            if probe:
                self.breaker.abandon()
            self.in_flight -= 1

    async def _begin(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        headers: httpx.Headers,
        content: bytes | _Body | None,
    ) -> httpx.Response:
        replayable = content is None or isinstance(content, bytes)
        client = self._client_for(headers)
        attempt = 0
        while True:
            headers["x-request-deadline-ms"] = str(max(1, int(deadline.remaining() * 1000)))
            request = client.build_request(method, self.base_url + path, headers=headers, content=content)
            wait: float | None = None
            try:
                async with asyncio.timeout(max(0.001, deadline.remaining())):
                    response = await client.send(request, stream=True)
            except httpx.TransportError:
                if not self._again(method, attempt, replayable):
                    raise
            else:
                if response.status_code not in rules.RETRY_STATUS or _told_why(response):
                    return response
                if not self._again(method, attempt, replayable):
                    return response
                wait = rules.retry_after_seconds(response.headers.get("retry-after"))
                if wait is not None and wait >= deadline.remaining():
                    return response
                await response.aclose()
            pause = wait if wait is not None else rules.backoff(attempt, random.random())  # noqa: S311
            await asyncio.sleep(min(pause, max(0.0, deadline.remaining())))
            attempt += 1

    def _again(self, method: str, attempt: int, replayable: bool) -> bool:
        return rules.may_retry(method, attempt, replayable=replayable) and self.budget.take()

    async def ready(self, *, timeout: float) -> tuple[int, bytes]:
        """Status and body of `/readyz`, past the breaker and its counts. Raises httpx.HTTPError, OSError.

        TimeoutError means a service that is slow. One whose address does not even take the connection is gone: of a
        container that ended, nobody is left to refuse it.
        """
        connect = httpx.Timeout(None, connect=timeout / 2)
        async with asyncio.timeout(timeout):
            response = await self._client.get(self.base_url + "/readyz", timeout=connect)
        return response.status_code, response.content

    async def get_json(self, path: str, *, deadline: Deadline, headers: Mapping[str, str] | None = None) -> Any:
        """The parsed body of a 200; None for 404. Anything else raises UpstreamError."""
        async with self.request("GET", path, deadline=deadline, headers=headers) as response:
            async with asyncio.timeout(max(0.001, deadline.remaining())):
                body = await response.aread()
            if response.status_code == 404:
                return None
            if response.status_code in rules.RETRY_STATUS:
                raise UpstreamError(self.name, "unavailable", status=response.status_code)
            if response.status_code != 200:
                raise UpstreamError(self.name, "refused", status=response.status_code)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(self.name, "bad_answer", status=200) from error
