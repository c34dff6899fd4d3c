"""Reading bodies: JSON within its bounds and a large one not on the loop, and places for those that are not whole.

`RequestContext` bounds the size of a body, `shared/jsontext.py` what a JSON may hold.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from shared.counting import less
from shared.errors import Malformed, TooMany
from shared.jsontext import read_json
from shared.web.limits import address

P = ParamSpec("P")
T = TypeVar("T")
IN_A_THREAD = 128 * 1024
"""Bytes from which a body is parsed in a thread: below it takes less than a millisecond or two."""
GRACE_SECONDS = 1.0
"""From the first piece of a body to its end; what takes longer needs one of the client's places."""


async def json_of(request: Request, max_values: int | None = None) -> Any:
    """The JSON of the body, bounded by the service's setting. Raises Malformed, TooLarge."""
    most = max_values or request.app.state.platform.settings.max_json_values
    return await in_time(await body_of(request), read_json, most)


async def in_time(data: bytes, read: Callable[Concatenate[bytes, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`read(data, ...)`; of a large body in a thread, so that the loop stays free."""
    if len(data) < IN_A_THREAD:
        return read(data, *args, **kwargs)
    return await asyncio.to_thread(read, data, *args, **kwargs)


async def body_of(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise Malformed("body", zh="请求体没有收完", en="The body did not arrive whole") from error


class Unfinished:
    """Bodies that have begun and are not whole, by client: one may have so many, and what it holds of them is bounded.

    A body that comes in one piece with its head, or soon after, as most do, needs no place.
    """

    def __init__(self, most: int, max_bytes: int) -> None:
        self._most, self._max_bytes = most, max_bytes
        self._bodies: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def enter(self, client: str) -> None:
        """Raises TooMany."""
        if self._bodies[client] >= self._most:
            raise TooMany(
                "unfinished_bodies",
                zh=f"一个客户端最多有 {self._most} 个请求体在慢慢传送，请稍后再试",
                en=f"At most {self._most} bodies of a client may be on their way slowly; try again shortly",
                retry_after=2,
                limit=self._most,
            )
        self._bodies[client] += 1

    def hold(self, client: str, size: int) -> None:
        """Raises TooMany."""
        if self._bytes[client] + size > self._max_bytes:
            raise TooMany(
                "unfinished_bytes",
                zh=f"一个客户端正在传送的请求体合计不能超过 {self._max_bytes} 字节，请稍后再试",
                en=f"Bodies of a client on their way may have {self._max_bytes} bytes together; try again shortly",
                retry_after=2,
                limit=self._max_bytes,
            )
        self._bytes[client] += size

    def leave(self, client: str) -> None:
        less(self._bodies, client)

    def let_go(self, client: str, size: int) -> None:
        less(self._bytes, client, size)


def client_of(scope: Scope) -> str:
    """Whom a place is counted for: who the token says, else the address."""
    state = scope.get("state") or {}
    named = state.get("client")
    if named is not None:
        return str(named)
    principal = state.get("principal")
    if principal is not None and principal.kind != "public":
        return str(principal.id)
    return f"address:{address(scope)}"
