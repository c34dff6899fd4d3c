"""One request straight to an ASGI app, ended as soon as the answer is clear: a stream that never ends is no trap."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """`code` of a problem document; an answer to HEAD has no body to tell it."""
        if not self.body or "problem+json" not in self.headers.get("content-type", ""):
            return None
        return str(orjson.loads(self.body).get("code"))


async def ask(app: ASGIApp, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
    """Status and headers, and the whole body when the status is an error; a good answer's body is cut off."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test"), *((k.lower().encode(), v.encode()) for k, v in (headers or {}).items())],
        "client": ("127.0.0.1", 1234),
        "server": ("test", 80),
        "state": {},
    }
    start: Message = {}
    chunks: list[bytes] = []
    clear, sent, gone = asyncio.Event(), False, asyncio.Event()

    async def receive() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            if message["status"] < 400:
                clear.set()
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                clear.set()

    call = asyncio.ensure_future(app(scope, receive, send))
    waiting = asyncio.ensure_future(clear.wait())
    try:
        async with asyncio.timeout(20):
            await asyncio.wait({call, waiting}, return_when=asyncio.FIRST_COMPLETED)
        # a good answer goes on to its own end if it has one, so that its commit is not torn
        gone.set()
        await asyncio.wait({call}, timeout=0.5)
    finally:
        waiting.cancel()
        if not call.done():
            call.cancel()
        await asyncio.gather(call, waiting, return_exceptions=True)
    if call.done() and not call.cancelled() and (error := call.exception()) is not None:
        raise error
    answered = {k.decode().lower(): v.decode("latin-1") for k, v in start["headers"]}
    return Answer(start["status"], answered, b"".join(chunks))
