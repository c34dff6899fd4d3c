"""Passes a request on to the service that owns it, body by body, and its answer back."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from fastapi.routing import APIRoute

from services.gateway.proxy import rules
from services.gateway.upstreams.client import WORDS, Upstream, UpstreamError
from services.gateway.upstreams.clients import UPSTREAMS
from shared import context
from shared.auth import PUBLIC, Public
from shared.errors import Malformed, PlatformError, Unavailable
from shared.i18n import Text
from shared.web import CurrentPlatform, Router, allow
from shared.web.reading import client_of
from shared.web.routing import PolicyRoute, platform_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
OWNERS = {
    "/v1/indicators": "indicators",
    "/v1/credit": "credit",
    "/v1/traceability": "traceability",
    "/epcis": "traceability",
}


class Slow(PlatformError):
    status = 504
    title = Text("没有按时回答", "No answer in time")


class PassRoute(PolicyRoute):
    """The owner checks token, policy and Idempotency-Key; the gateway decides nothing about a proxied request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = APIRoute.get_route_handler(self)

        async def handle(request: Request) -> Response:
            request.state.principal, request.state.idempotency = PUBLIC, None
            request.state.client = await _named(request)
            return await inner(request)

        return handle


async def _named(request: Request) -> str | None:
    """Whose places this request takes: only a token that holds names somebody, and refusing it is the owner's."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    try:
        return (await platform_of(request).verifier.principal(token.strip())).id
    except PlatformError:
        return None


router = Router(tags=["proxy"])
router.route_class = PassRoute


def _add(prefix: str, owner: str) -> None:
    @allow(Public())
    async def passed(request: Request, platform: CurrentPlatform) -> Response:
        return await forward(request, UPSTREAMS.of(platform).clients[owner], prefix)

    for path in (prefix, prefix + "/{rest:path}"):
        router.add_api_route(path, passed, methods=METHODS, include_in_schema=False, name=f"proxy {prefix}")


for _prefix, _owner in OWNERS.items():
    _add(_prefix, _owner)


class Passing(StreamingResponse):
    """Closes the upstream's answer however the client's ends. When the upstream breaks off in the middle, so does this:
    the client must see that the body is not whole."""

    def __init__(self, stack: AsyncExitStack, upstream: httpx.Response) -> None:
        super().__init__(upstream.aiter_raw(), status_code=upstream.status_code)
        self._stack = stack
        self.raw_headers = rules.response_headers(upstream.headers.raw)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)


async def forward(request: Request, upstream: Upstream, prefix: str) -> Response:
    """Raises Unavailable (503) when the upstream is down or busy, 504 when it does not answer in time, Malformed for a
    path that is not plainly below the prefix."""
    upstreams = UPSTREAMS.of(request.app.state.platform)
    trace = context.current.get()
    headers = rules.request_headers(
        request.headers.raw,
        client=request.client.host if request.client else None,
        host=dict(request.headers.raw).get(b"host", b""),
        scheme=request.url.scheme,
        request_id=trace.request_id if trace else "",
    )
    stack = AsyncExitStack()
    try:
        stack.enter_context(upstream.place(client_of(request.scope)))
        response = await stack.enter_async_context(
            upstream.request(
                request.method,
                _target(request, prefix),
                deadline=upstreams.deadline(request.headers.get("x-request-deadline-ms")),
                headers=headers,
                content=_body(request),
            )
        )
    except BaseException as error:
        await stack.aclose()
        if isinstance(error, UpstreamError):
            raise unavailable(error) from error
        if isinstance(error, httpx.InvalidURL):
            raise Malformed("path", zh="地址无法读取", en="The address cannot be read") from error
        raise
    return Passing(stack, response)


def _target(request: Request, prefix: str) -> str:
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    try:
        return rules.target(prefix, raw, request.scope["query_string"]).decode("latin-1")
    except rules.NotOfPrefix as error:
        raise Malformed(
            "path.prefix",
            zh=f"请把地址的开头原样写成 {prefix}，不要编码",
            en=f"Write the beginning of the address plainly as {prefix}, not encoded",
        ) from error
    except rules.DotSegment as error:
        raise Malformed(
            "path.dot_segment",
            zh="地址里不能有 . 或 .. 这样的段；含有它们的编码请放在 ?code= 里",
            en="An address has no segments . or ..; give a code that holds them as ?code=",
        ) from error


def _body(request: Request) -> AsyncIterator[bytes] | None:
    """The body as a stream; None where there is none, so that the request may be sent again."""
    if request.headers.get("transfer-encoding") is None and request.headers.get("content-length", "0") == "0":
        return None
    return request.stream()


def unavailable(error: UpstreamError) -> PlatformError:
    if error.code == "timeout":
        return Slow(
            "upstream.timeout",
            zh=f"{error.upstream} 没有按时回答；请稍后再试",
            en=f"{error.upstream} did not answer in time; try again later",
            service=error.upstream,
        )
    words = Text("服务暂时不可用，请稍后再试", "The service is not available; try again later")
    if error.code == "busy":
        words = WORDS["busy"]
    return Unavailable(
        f"upstream.{error.code}",
        zh=f"{error.upstream}：{words.zh}",
        en=f"{error.upstream}: {words.en}",
        retry_after=error.retry_after,
        service=error.upstream,
    )
