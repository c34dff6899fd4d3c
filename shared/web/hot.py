"""Hot reads: a small raw ASGI app in front of FastAPI. Parse, look in the cache, else one indexed read."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import metrics
from shared.i18n import Lang, negotiate
from shared.platform import Platform
from shared.web import conditional
from shared.web.limits import RATE, Rate

Headers = list[tuple[bytes, bytes]]
_LONGEST_KEY = 2_048
"""Longer addresses are answered and not remembered."""


@dataclass(frozen=True, slots=True)
class HotRequest:
    path: str
    raw_path: bytes
    """As it was sent: only here can a slash inside a code be told from one between path segments."""
    query: str
    lang: Lang
    headers: dict[bytes, bytes]
    rate: int = 0
    """How many such requests came from the same client or address in this second, as far as somebody counts."""


@dataclass(slots=True)
class HotAnswer:
    """Ready bytes. `tags` say what makes them stale; `fresh_until` (aware) ends them by itself; `cache=False` is for
    answers that must be made anew each time. `headers` are put beside ETag, Content-Type and Cache-Control.
    """

    body: bytes
    tags: tuple[str, ...] = ()
    status: int = 200
    content_type: bytes = b"application/json"
    fresh_until: datetime | None = None
    cache: bool = True
    cache_control: bytes = b"no-cache"
    headers: Headers = field(default_factory=list)
    etag: bytes = b""
    raw_headers: Headers = field(default_factory=list)

    def finish(self) -> "HotAnswer":
        self.etag = b'"' + blake2b(self.body, digest_size=12).hexdigest().encode() + b'"'
        self.raw_headers = [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            (b"etag", self.etag),
            (b"cache-control", self.cache_control),
            (b"vary", b"Accept, Accept-Language, Authorization"),
            *self.headers,
        ]
        return self


Load = Callable[[Platform, re.Match[str], HotRequest], Awaitable[HotAnswer | None]]
After = Callable[[Platform, re.Match[str], HotRequest, HotAnswer], None]


@dataclass(frozen=True)
class HotRoute:
    """`pattern` matches the whole decoded path. `load` answers, or None to let FastAPI do it. `after` runs at each
    answer, hit or miss (a scan is counted there). `vary_query`: the query string is part of the cache key; without it,
    requests with a query string go to FastAPI.
    """

    pattern: str
    load: Load
    after: After | None = None
    vary_query: bool = False
    accept: str | None = None
    """Only for requests whose Accept contains this text (or all, when None)."""
    public_only: bool = True
    """Requests with a token go to FastAPI."""


class HotApp:
    """Stands inside `RequestContext`, whose business are request id, log line, metrics and errors. `routes`: those of
    the FastAPI app, which declare what is answered here."""

    def __init__(
        self, app: ASGIApp, platform: Platform, hot: Iterable[HotRoute], routes: Sequence[BaseRoute] = ()
    ) -> None:
        self._app = app
        self._platform = platform
        self._hot = [_Hot(re.compile(route.pattern), route) for route in hot]
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = scope["path"]
            for hot in self._hot:
                match = hot.pattern.fullmatch(path)
                if match is not None and await self._answer(hot, match, scope, send):
                    return
        await self._app(scope, receive, send)

    async def _answer(self, hot: "_Hot", match: re.Match[str], scope: Scope, send: Send) -> bool:
        route = hot.route
        headers = dict(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        if (query and not route.vary_query) or (route.public_only and b"authorization" in headers):
            return False
        accept = headers.get(b"accept", b"").decode("latin-1")
        if route.accept is not None and route.accept not in accept:
            return False
        language = headers.get(b"accept-language")
        lang: Lang = "zh" if language is None else negotiate(language.decode("latin-1"))
        raw_path = scope.get("raw_path") or match.string.encode()
        rate: Rate | None = scope.get(RATE)
        request = HotRequest(match.string, raw_path, query, lang, headers, rate.used if rate else 0)
        scope["route"] = hot.declared = hot.declared or self._declared(route, scope)
        answer = await self._find(hot, match, request, accept if route.accept else "")
        if answer is None:
            return False
        if route.after is not None:
            route.after(self._platform, match, request, answer)
        if conditional.has(scope["headers"], answer.etag):
            await send({"type": "http.response.start", "status": 304, "headers": answer.raw_headers[2:]})
            await send({"type": "http.response.body", "body": b""})
            return True
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.raw_headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})
        return True

    async def _find(self, hot: "_Hot", match: re.Match[str], request: HotRequest, accept: str) -> HotAnswer | None:
        cache = self._platform.hot_cache
        key = (request.raw_path, request.query, request.lang, accept)
        answer: HotAnswer | None = cache.get(key)
        if answer is not None and (answer.fresh_until is None or self._platform.clock.now() < answer.fresh_until):
            hot.count("hit")
            return answer
        version = cache.version
        answer = await hot.route.load(self._platform, match, request)
        if answer is None:
            return None
        answer.finish()
        hot.count("miss")
        if answer.cache and sum(map(len, key)) <= _LONGEST_KEY:
            cache.put(key, answer, version)
        return answer

    def _declared(self, route: HotRoute, scope: Scope) -> Any:
        asked = {**scope, "method": "GET"}
        found = (each for each in self._routes if each.matches(asked)[0] is Match.FULL)
        return next(found, None) or Undeclared(route.pattern)


class Undeclared(NamedTuple):
    """Stands for the route of a hot read that FastAPI has none for."""

    path: str


@dataclass(slots=True)
class _Hot:
    pattern: re.Pattern[str]
    route: HotRoute
    declared: Any = None
    """The FastAPI route that declares it, known with the first request."""
    counters: dict[str, Any] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        counter = self.counters.get(outcome)
        if counter is None:
            counter = self.counters[outcome] = metrics.HOT_READS.labels(self.declared.path, outcome)
        counter.inc()
