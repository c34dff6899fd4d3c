"""How much one client or one address may ask for in a second, told in `RateLimit` headers on every answer
(draft-ietf-httpapi-ratelimit-headers-10); over it, 429 before anything else is done.

A client is known by its token, everybody else by the address. Windows of one second: who comes in a burst waits for the
next one, and nothing is kept of who came when. Each process counts for itself.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from shared import metrics
from shared.errors import PlatformError, TooMany
from shared.i18n import negotiate
from shared.web.problems import problem_response

if TYPE_CHECKING:
    from shared.platform import Platform

RATE = "pinzhi.rate"
"""In the scope: the `Rate` of the request, where somebody counts."""


@dataclass(frozen=True, slots=True)
class Rate:
    used: int
    """How many requests under the same limit came from here in this second, with this one."""
    headers: tuple[tuple[bytes, bytes], ...]
    """What its answer says of that."""


def rate_of(scope: Scope) -> int:
    """How many requests under the same limit came from there in this second; 0 where nobody counts."""
    rate: Rate | None = scope.get(RATE)
    return rate.used if rate else 0


@dataclass(frozen=True)
class Limit:
    """`quota` requests a second for each address whose path begins with one of `prefixes`, or, with `clients`, for each
    client that shows a token."""

    name: str
    quota: int
    prefixes: tuple[str, ...] = ("/",)
    clients: bool = False


class RateLimits:
    """`limits`: the first one that fits counts. `now` gives seconds of a clock that nobody sets. `RequestContext`
    below tells the rate of what it answers."""

    def __init__(
        self,
        app: ASGIApp,
        platform: "Platform",
        limits: Sequence[Limit],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._platform, self._now = app, platform, now
        self._limits = [
            (limit, limit.name.encode(), (b"ratelimit-policy", b'"%s";q=%d;w=1' % (limit.name.encode(), limit.quota)))
            for limit in limits
        ]
        self._second = 0
        self._counts: dict[tuple[str, str], int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = await self._client(scope)
        path = scope["path"]
        for limit, name, policy in self._limits:
            if (limit.clients and client is None) or not path.startswith(limit.prefixes):
                continue
            used = self._count(limit.name, client if limit.clients and client is not None else address(scope))
            left = b'"%s";r=%d;t=1' % (name, max(0, limit.quota - used))
            scope[RATE] = rate = Rate(used, (policy, (b"ratelimit", left)))
            if used > limit.quota:
                await self._refuse(limit, rate, scope, receive, send)
                return
            break
        await self._app(scope, receive, send)

    def _count(self, name: str, key: str) -> int:
        second = int(self._now())
        if second != self._second:
            self._second, self._counts = second, {}
        used = self._counts.get((name, key), 0) + 1
        self._counts[name, key] = used
        return used

    async def _client(self, scope: Scope) -> str | None:
        """Who shows a token that holds; another's name is nothing to spend its quota with."""
        for name, value in scope["headers"]:
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                try:
                    return (await self._platform.verifier.principal(value[7:].strip().decode("latin-1"))).id
                except PlatformError:
                    return None
        return None

    async def _refuse(self, limit: Limit, rate: Rate, scope: Scope, receive: Receive, send: Send) -> None:
        metrics.RATE_LIMITED.labels(limit.name).inc()
        language = dict(scope["headers"]).get(b"accept-language")
        who = ("客户端", "client") if limit.clients else ("地址", "address")
        error = TooMany(
            "rate_limited",
            zh=f"每个{who[0]}每秒最多 {limit.quota} 次请求，请稍后再试",
            en=f"At most {limit.quota} requests a second for each {who[1]}; try again in a second",
            retry_after=1,
            limit=limit.quota,
        )
        response = problem_response(error, negotiate(language.decode("latin-1") if language else None))
        response.raw_headers.extend(rate.headers)
        await response(scope, receive, send)


def address(scope: Scope) -> str:
    """Who asks, as far as the network tells: an IPv4 address, or the /64 that one subscriber of IPv6 has."""
    client = scope.get("client")
    return subscriber(client[0]) if client else ""


@lru_cache(maxsize=10_000)
def subscriber(host: str) -> str:
    try:
        parsed = ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return host
