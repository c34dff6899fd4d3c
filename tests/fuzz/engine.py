"""Real apps in a thread of their own, and a `requests` session that reaches them: schemathesis is not asynchronous."""

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from starlette.types import ASGIApp, Message
from urllib3 import HTTPResponse

T = TypeVar("T")
SECONDS = 30.0
"""No answer within this time is a hang."""


class Loop:
    """An event loop in a thread. What `enter` is given is left again, in reverse order, at the end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="fuzzed apps", daemon=True)
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.run(self._stack.aclose())
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def start(self, make: Callable[[AsyncExitStack], Awaitable[T]]) -> T:
        async def made() -> T:
            return await make(self._stack)

        return self.run(made())


class Adapter(BaseAdapter):
    """Sends prepared requests to an ASGI app in its loop, byte for byte as a server would hand them over."""

    def __init__(self, loop: Loop, app: ASGIApp) -> None:
        super().__init__()
        self._loop = loop
        self._app = app

    def close(self) -> None:
        pass

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode("utf-8", "replace")
        headers = [(k.lower().encode("latin-1"), _octets(v)) for k, v in request.headers.items()]
        answer = self._loop.run(
            ask(self._app, str(request.method), parts.path, parts.query.encode("latin-1", "replace"), headers, body)
        )
        return _response(request, answer)


class Raw:
    """What an app sent: status, headers as pairs, body."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


async def ask(
    app: ASGIApp, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> Raw:
    """One request. Raises `AssertionError` when there is no answer in time, and whatever the app lets out."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query,
        "root_path": "",
        "headers": [*headers, *([] if any(k == b"host" for k, _ in headers) else [(b"host", b"test")])],
        "client": ("127.0.0.1", 1234),
        "server": ("test", 80),
        "state": {},
    }
    if body and not any(k == b"content-length" for k, _ in scope["headers"]):
        scope["headers"].append((b"content-length", str(len(body)).encode()))
    start: Message = {}
    chunks: list[bytes] = []
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    try:
        async with asyncio.timeout(SECONDS):
            await app(scope, receive, send)
    except TimeoutError:
        raise AssertionError(f"no answer within {SECONDS:.0f} s to {method} {path[:200]}?{query[:200]!r}") from None
    pairs = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
    return Raw(start["status"], pairs, b"".join(chunks))


def _octets(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def _response(request: requests.PreparedRequest, raw: Raw) -> requests.Response:
    made = HTTPResponse(
        body=io.BytesIO(b"" if request.method == "HEAD" else raw.body),
        headers=raw.headers,
        status=raw.status,
        preload_content=False,
        decode_content=False,
    )
    response = requests.Response()
    response.status_code = raw.status
    response.headers = requests.structures.CaseInsensitiveDict(raw.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = made
    response.url = str(request.url)
    response.request = request
    return response


def session(loop: Loop, app: ASGIApp) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", Adapter(loop, app))
    return made
