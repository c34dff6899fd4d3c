"""Hot reads: a small raw ASGI app in front of FastAPI. Parse, look in the LRU, else one indexed read, answer bytes.

A stale "safe" after a recall is a defect, so answers carry tags, and every worker process reads every invalidation: its
own at commit, those of other processes from a gap-free table that it polls twice a second.
"""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import metrics
from shared.i18n import Lang, negotiate
from shared.web.limits import RATE, Rate, telling
from shared.web.problems import as_platform_error, problem_response

if TYPE_CHECKING:
    from datetime import datetime

    from shared.platform import Platform

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
    fresh_until: "datetime | None" = None
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


class Tagged(Protocol):
    """What can be kept: `tags` say what makes it stale, the length of `body` what it weighs."""

    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(slots=True)
class _Kept:
    answer: Any
    version: int
    """Up to which invalidation it is known to be fresh."""


class HotCache:
    """LRU of answers, and of what answers are made of, with tags. To keep one costs nothing for each of its tags: an
    invalidation notes the tag, and what was kept before is looked at when it is asked for again.

    Bounded by number and by bytes: whoever asks for one thing under ever new addresses fills no memory.
    """

    def __init__(self, size: int = 20_000, max_bytes: int = 64 * 1024 * 1024, tags: int = 100_000) -> None:
        self._size, self._max_bytes, self._max_tags = size, max_bytes, tags
        self.bytes = 0
        """Of bodies."""
        self._answers: OrderedDict[Any, _Kept] = OrderedDict()
        self._invalidated: dict[str, int] = {}
        """The version at which a tag was invalidated last, oldest first."""
        self._forgotten = 0
        """Invalidations up to this version are not in there any more: what was not asked for since then goes too."""
        self._watchers: dict[str, Callable[[], None]] = {}
        self.version = 0
        self.sequence = 0
        """Last invalidation of the table that was read."""

    def get(self, key: Any) -> Any | None:
        kept = self._answers.get(key)
        if kept is None:
            return None
        if kept.version != self.version:
            if self._is_stale(kept):
                self._drop(key)
                return None
            kept.version = self.version
        self._answers.move_to_end(key)
        return kept.answer

    def put(self, key: Any, answer: Tagged, version: int) -> None:
        """`version` is what `self.version` was before the read: one of the tags may have been invalidated since."""
        kept = _Kept(answer, version)
        if version != self.version and self._is_stale(kept):
            return
        self._drop(key)
        self._answers[key] = kept
        self.bytes += len(answer.body)
        while len(self._answers) > self._size or self.bytes > self._max_bytes:
            self._drop(next(iter(self._answers)))

    def _is_stale(self, kept: _Kept) -> bool:
        return kept.version < self._forgotten or any(
            self._invalidated.get(tag, 0) > kept.version for tag in kept.answer.tags
        )

    def watch(self, tag: str, told: Callable[[], None]) -> None:
        """Call `told` whenever the tag is invalidated: for what is kept elsewhere under the same promise."""
        self._watchers[tag] = told

    def invalidate(self, tags: Iterable[str]) -> None:
        """`*` is every tag."""
        self.version += 1
        for tag in tags:
            for watched, told in self._watchers.items():
                if tag in (watched, "*"):
                    told()
            if tag == "*":
                self._answers.clear()
                self._invalidated.clear()
                self.bytes, self._forgotten = 0, self.version
                return
            self._invalidated.pop(tag, None)
            self._invalidated[tag] = self.version
        while len(self._invalidated) > self._max_tags:
            self._forgotten = self._invalidated.pop(next(iter(self._invalidated)))

    def _drop(self, key: Any) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            self.bytes -= len(kept.answer.body)

    async def follow(self, platform: "Platform") -> None:
        """Read what other processes invalidated since the last look. Sequences are gap-free in order of commit.

        A gap means that rows went (old ones do) before this process had read them: it stood still, or the clock was
        set.
        """
        rows = await platform.db.fetch(
            "SELECT sequence, tags FROM hot_invalidation WHERE sequence > $1 ORDER BY sequence", self.sequence
        )
        for sequence, tags in rows:
            self.invalidate(orjson.loads(tags) if sequence == self.sequence + 1 else ["*"])
            self.sequence = sequence


Load = Callable[["Platform", re.Match[str], HotRequest], Awaitable[HotAnswer | None]]
After = Callable[["Platform", re.Match[str], HotRequest, HotAnswer], None]


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
    def __init__(self, app: ASGIApp, platform: "Platform", routes: Iterable[HotRoute]) -> None:
        self._app = app
        self._platform = platform
        self._routes = [(re.compile(route.pattern), route) for route in routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = scope["path"]
            for pattern, route in self._routes:
                match = pattern.fullmatch(path)
                if match is not None and await self._answer(route, match, scope, send):
                    return
        await self._app(scope, receive, telling(scope, send))

    async def _answer(self, route: HotRoute, match: re.Match[str], scope: Scope, send: Send) -> bool:
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
        try:
            answer = await self._find(route, match, request, accept if route.accept else "")
        except Exception as error:
            response = problem_response(as_platform_error(error), lang)
            await response(scope, _no_body, telling(scope, send))
            return True
        if answer is None:
            return False
        if route.after is not None:
            route.after(self._platform, match, request, answer)
        told = rate.headers if rate else ()
        if headers.get(b"if-none-match") == answer.etag:
            await send({"type": "http.response.start", "status": 304, "headers": [*answer.raw_headers[2:], *told]})
            await send({"type": "http.response.body", "body": b""})
            return True
        await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.raw_headers, *told]})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})
        return True

    async def _find(self, route: HotRoute, match: re.Match[str], request: HotRequest, accept: str) -> HotAnswer | None:
        cache = self._platform.hot_cache
        key = (request.raw_path, request.query, request.lang, accept)
        answer: HotAnswer | None = cache.get(key)
        if answer is not None and (answer.fresh_until is None or self._platform.clock.now() < answer.fresh_until):
            _hit(route.pattern)
            return answer
        version = cache.version
        answer = await route.load(self._platform, match, request)
        if answer is None:
            return None
        answer.finish()
        _miss(route.pattern)
        if answer.cache and sum(map(len, key)) <= _LONGEST_KEY:
            cache.put(key, answer, version)
        return answer


_counters: dict[tuple[str, str], Any] = {}


def _count(pattern: str, outcome: str) -> None:
    counter = _counters.get((pattern, outcome))
    if counter is None:
        counter = _counters[(pattern, outcome)] = metrics.HOT_READS.labels(pattern, outcome)
    counter.inc()


def _hit(pattern: str) -> None:
    _count(pattern, "hit")


def _miss(pattern: str) -> None:
    _count(pattern, "miss")


async def _no_body() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}
