"""Real servers for tests: an upstream that does what its path says, in this process or in one that can be killed."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

ROOT = Path(__file__).resolve().parents[2]


class Upstream:
    """Under `/v1/<service>/`: `echo` tells what came; `fail?times=2&status=503` fails so often, then answers;
    `slow?s=1` waits; `stream?n=3&gap=0.1` sends pieces with pauses; `half` breaks off; `big?kb=100` is big."""

    def __init__(self, name: str = "credit") -> None:
        self.name = name
        self.calls: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        """Path -> JSON body that is answered there."""
        self.delays: dict[str, float] = {}
        """Path -> seconds before it answers."""
        self.lag: dict[str, Any] = {"outbox_pending": 0, "outbox_oldest_seconds": 0.0, "reasons": {}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, query = scope["path"], parse_qs(scope["query_string"].decode())
        self.calls[path] += 1
        if path == "/readyz":
            return await _json(send, 503 if self.lag["reasons"] else 200, {"service": self.name, **self.lag})
        await asyncio.sleep(self.delays.get(path, 0.0))
        if path in self.answers:
            self.requests.append(_described(scope, b""))
            return await _json(send, 200, self.answers[path])
        await getattr(self, "_" + path.rsplit("/", 1)[-1], self._missing)(scope, receive, send, query)

    async def _echo(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        self.requests.append(_described(scope, body))
        extra = [(b"set-cookie", b"session=1"), (b"x-kept", b"yes"), (b"connection", b"x-hop"), (b"x-hop", b"1")]
        await _json(send, 200, self.requests[-1], extra)

    async def _fail(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        if self.calls[scope["path"]] <= int(query["times"][0]):
            after = [(b"retry-after", query["after"][0].encode())] if "after" in query else []
            if "code" in query:
                after.append((b"x-problem-code", query["code"][0].encode()))
            return await _json(send, int(query.get("status", ["503"])[0]), {"failed": True}, after)
        await _json(send, 200, {"failed": False})

    async def _slow(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        await asyncio.sleep(float(query["s"][0]))
        await _json(send, 200, {"slow": True})

    async def _stream(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(int(query["n"][0])):
            await send({"type": "http.response.body", "body": b'{"n":%d}\n' % number, "more_body": True})
            await asyncio.sleep(float(query["gap"][0]))
        await send({"type": "http.response.body", "body": b""})

    async def _half(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"first half\n", "more_body": True})
        raise ConnectionResetError("this upstream breaks off")

    async def _big(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        body = b"x" * (1024 * int(query["kb"][0]))
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _missing(self, scope: Scope, receive: Receive, send: Send, query: Any) -> None:
        await _json(send, 404, {"code": "path"})


def _described(scope: Scope, body: bytes) -> dict[str, Any]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode(), []).append(value.decode("latin-1"))
    return {
        "method": scope["method"],
        "path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": headers,
        "bytes": len(body),
        "body": body[:200].decode("latin-1"),
    }


async def _json(send: Send, status: int, body: Any, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    start = [(b"content-type", b"application/json"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": orjson.dumps(body)})


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the test's process keeps its own


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, *, port: int = 0) -> AsyncIterator[str]:
    """A real uvicorn in this loop, on a port of the kernel's choice unless one is given; gives its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            if task.done():
                task.result()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@contextlib.asynccontextmanager
async def killable(name: str = "credit", *, port: int = 0) -> AsyncIterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """An upstream in a process of its own; gives its address and the process. `port`: where one was that was killed."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-m", "tests.gateway.servers", name, str(listener.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()])
    listener.close()
    try:
        async with httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(address + "/readyz")).json()["service"] == name:
                        break
                await asyncio.sleep(0.05)
        yield address, process
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    uvicorn.run(Upstream(sys.argv[1]), fd=int(sys.argv[2]), lifespan="off", log_level="critical")
