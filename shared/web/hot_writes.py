"""Hot writes: the plain case of a FastAPI route, answered in front of it.

Plain is what a machine sends a thousand times: POST to the very path, a bearer token, a JSON body, no Idempotency-Key,
no query. Everything else goes on to FastAPI untouched. The FastAPI route stays the declaration: its policy is asked
here, it stands in the OpenAPI document, and it calls the same `write`. Errors are raised, as they are there, and
`RequestContext` outside makes them problems.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth.principal import Principal
from shared.web import private
from shared.web.routing import PolicyRoute

if TYPE_CHECKING:
    from shared.platform import Platform

Written = tuple[int, bytes]
"""Status and JSON."""
Write = Callable[["Platform", Principal, bytes], Awaitable[Written]]


@dataclass(frozen=True)
class HotWrite:
    """`path` is that of a FastAPI route for POST, without parameters. `write` takes the body as it was sent."""

    path: str
    write: Write


class HotWrites:
    """Stands inside `RequestContext`: request id, log line, metrics and limits of the body are its business."""

    def __init__(
        self, app: ASGIApp, platform: "Platform", writes: Iterable[HotWrite], routes: Sequence[BaseRoute]
    ) -> None:
        self._app = app
        self._platform = platform
        self._writes = {hot.path: (_declared(hot.path, routes), hot.write) for hot in writes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            found = self._writes.get(scope["path"])
            token = _plain(scope) if found is not None else None
            if found is not None and token is not None:
                await self._answer(*found, token, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _answer(
        self, route: PolicyRoute, write: Write, token: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        scope["route"] = route
        principal = await self._platform.verifier.principal(token)
        route.policy.check(principal)
        scope.setdefault("state", {})["principal"] = principal
        body = await _read(receive)
        if body is None:
            return
        status, content = await write(self._platform, principal, body)
        headers = [(b"content-length", b"%d" % len(content)), (b"content-type", b"application/json"), *private.HEADERS]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def _declared(path: str, routes: Sequence[BaseRoute]) -> PolicyRoute:
    for route in routes:
        if type(route) is PolicyRoute and route.path == path and "POST" in (route.methods or ()):
            return route
    raise LookupError(f"no route declares POST {path}: a hot write answers for one that FastAPI has")


def _plain(scope: Scope) -> str | None:
    """The token of a request that is answered here. None: FastAPI answers it, or says what is wrong with it."""
    token, is_json = None, False
    for name, value in scope["headers"]:
        if name == b"authorization":
            if token is not None or value[:7].lower() != b"bearer ":
                return None
            token = value[7:].strip().decode("latin-1")
        elif name == b"content-type":
            is_json = value.partition(b";")[0].strip().lower() == b"application/json"
        elif name == b"idempotency-key":
            return None
    return token or None if is_json else None


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return message.get("body", b"")  # type: ignore[no-any-return]
    pieces = []
    while message["type"] == "http.request":
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)
        message = await receive()
    return None
