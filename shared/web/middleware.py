"""Raw ASGI middleware (`BaseHTTPMiddleware` costs two thirds of the requests a second)."""

import asyncio
import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import structlog
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import context, metrics
from shared.errors import Malformed, TooLarge, UnsupportedMedia
from shared.i18n import negotiate
from shared.ids import uuid7
from shared.settings import ServiceSettings
from shared.web import conditional
from shared.web.limits import RATE, Rate
from shared.web.private import keep_private
from shared.web.problems import as_platform_error, problem_response
from shared.web.reading import GRACE_SECONDS, Unfinished, client_of

log = structlog.get_logger("http")
_QUIET = ("/healthz", "/readyz", "/metrics")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Any other word is one label in the metrics: a client may invent as many as it likes."""
_LONGEST_PATH = 300
"""Characters of a path in the log."""
_MOST_PARAMETERS = 100
"""In a query string."""


class RequestContext:
    """Request id, trace, log line, metrics, body limit, rate; and the last resort for an error that nobody handled."""

    def __init__(self, app: ASGIApp, *, service: str, settings: ServiceSettings) -> None:
        self._app = app
        self._service = service
        self._max_body = settings.max_body_bytes
        self._unfinished = Unfinished(settings.max_unfinished_bodies, settings.max_unfinished_bytes)
        self._log = log.bind()
        self._counted: dict[tuple[str, str, int], Any] = {}
        self._timed: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        trace = _trace(headers)
        token = context.current.set(trace)
        started = time.perf_counter()
        state = {"status": 500, "started": False}
        rate: Rate | None = scope.get(RATE)
        body: _Body | None = None

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"], state["started"] = message["status"], True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", trace.request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    *(rate.headers if rate is not None else ()),
                ]
            await send(message)

        try:
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._max_body:
                raise _too_large(self._max_body)
            _require_plain(headers)
            _require_few_parameters(scope["query_string"])
            body = _Body(scope, receive, self._max_body, self._unfinished)
            await self._app(scope, body.receive, send_with_id)
        except Exception as error:
            if state["started"]:
                raise
            language = headers.get(b"accept-language")
            response = problem_response(
                as_platform_error(error), negotiate(language.decode("latin-1") if language else None)
            )
            if b"authorization" in headers:
                keep_private(response)
            await response(scope, receive, send_with_id)
        finally:
            if body is not None:
                body.leave()
            self._record(scope, state["status"], time.perf_counter() - started)
            context.current.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        name = getattr(route, "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        # To look a metric up by its labels costs more than to count with it.
        counter = self._counted.get((method, name, status))
        if counter is None:
            counter = self._counted[method, name, status] = metrics.REQUESTS.labels(
                self._service, method, name, str(status)
            )
        counter.inc()
        timer = self._timed.get(name)
        if timer is None:
            timer = self._timed[name] = metrics.REQUEST_SECONDS.labels(self._service, name)
        timer.observe(seconds)
        if scope["path"] not in _QUIET:
            self._log.info(
                "request",
                method=scope["method"],
                path=scope["path"][:_LONGEST_PATH],
                status=status,
                ms=round(seconds * 1000, 2),
            )


class _Body:
    """A request's body as it comes: bounded in size, and counted for its client while it is not whole."""

    __slots__ = ("_client", "_held", "_max", "_name", "_receive", "_scope", "_seen", "_unfinished", "_until")

    def __init__(self, scope: Scope, receive: Receive, most: int, unfinished: Unfinished) -> None:
        self._scope, self._receive, self._max, self._unfinished = scope, receive, most, unfinished
        self._seen = self._held = 0
        self._until = 0.0
        self._name = ""
        self._client: str | None = None
        """Who has a place for this body."""

    async def receive(self) -> Message:
        message = await (self._receive() if not self._seen or self._client is not None else self._next())
        size = len(message.get("body", b""))
        if self._seen + size > self._max:
            raise _too_large(self._max)
        if message.get("more_body", False):
            self._name = client_of(self._scope)
            self._unfinished.hold(self._name, size)
            self._held += size
        else:
            self.leave()
        self._seen += size
        return message

    async def _next(self) -> Message:
        """The next piece of a body. One that is not whole soon needs a place: most come at once, or a moment later."""
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + GRACE_SECONDS
        try:
            async with asyncio.timeout_at(max(self._until, loop.time() + 0.01)):
                return await self._receive()
        except TimeoutError:
            self._unfinished.enter(self._name)
            self._client = self._name
        return await self._receive()

    def leave(self) -> None:
        if self._held:
            self._unfinished.let_go(self._name, self._held)
            self._held = 0
        if self._client is not None:
            self._unfinished.leave(self._client)
            self._client = None


def _require_few_parameters(query: bytes) -> None:
    """Raises Malformed."""
    if query.count(b"&") >= _MOST_PARAMETERS:
        raise Malformed(
            "query_parameters",
            zh=f"查询参数不能超过 {_MOST_PARAMETERS} 个",
            en=f"At most {_MOST_PARAMETERS} query parameters",
            limit=_MOST_PARAMETERS,
        )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "body_size", zh=f"请求体不能超过 {limit} 字节", en=f"The body may have at most {limit} bytes", limit=limit
    )


def _require_plain(headers: dict[bytes, bytes]) -> None:
    """Raises UnsupportedMedia for a compressed body: what it unpacks to is only known when it is too late."""
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"", b"identity"):
        raise UnsupportedMedia(
            "content_encoding",
            zh="请求体不能压缩；请不带 Content-Encoding 发送",
            en="Compressed bodies are not taken; send it without Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )


def _trace(headers: dict[bytes, bytes]) -> context.Trace:
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    request_id = given if 0 < len(given) <= 80 and given.isascii() and given.isprintable() else uuid7()
    parent = headers.get(b"traceparent")
    return context.Trace(
        request_id=request_id,
        traceparent=context.new_traceparent(parent.decode("latin-1") if parent else None),
        correlation_id=request_id,
    )


class HeadAsGet:
    """HEAD is answered wherever GET is (RFC 9110 section 9.3.2): as GET, without the body. Routes that take HEAD
    themselves (a proxied path) get it as it is.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or self._is_taken(scope):
            await self._app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, bodiless)

    def _is_taken(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._routes)


class EntityTags:
    """A weak ETag on JSON answers to GET that have none, and 304 for a client that has it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: dict[str, Any] = {}

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                content = dict(message["headers"]).get(b"content-type", b"")
                if message["status"] == 200 and b"etag" not in names and content.startswith(b"application/json"):
                    start.update(message)
                    return
            elif start:
                held = dict(start)
                start.clear()
                if not message.get("more_body", False):
                    etag = b'W/"' + blake2b(message["body"], digest_size=12).hexdigest().encode() + b'"'
                    held["headers"] = [*held["headers"], (b"etag", etag)]
                    if conditional.has(scope["headers"], etag):
                        held["status"] = 304
                        held["headers"] = [
                            h for h in held["headers"] if h[0] not in (b"content-length", b"content-type")
                        ]
                        message = {"type": "http.response.body", "body": b""}
                await send(held)
            await send(message)

        await self._app(scope, receive, tagged)
