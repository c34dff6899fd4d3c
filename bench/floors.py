"""The floors: the least that the same work costs here. Served by the same uvicorn as the product.

Each takes what it needs from the environment: `BENCH_BODY` (file with the constant answer), `BENCH_DSN`, `BENCH_SQL`.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _answer(send: Send, body: bytes, status: int = 200) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def constant() -> App:
    """Answers the bytes of a file, whatever is asked."""
    body = Path(os.environ["BENCH_BODY"]).read_bytes()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        await _answer(send, body)

    return app


def select() -> App:
    """One select by primary key through asyncpg for each request; the key is the last path segment.

    The statement gives one column with the bytes (or text) to answer.
    """
    import asyncpg

    pool: Any = None
    sql = os.environ["BENCH_SQL"]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal pool
        if scope["type"] == "lifespan":
            pool = await asyncpg.create_pool(os.environ["BENCH_DSN"], min_size=8, max_size=8)
            await _lifespan(receive, send)
            await pool.close()
            return
        if scope["path"] == "/":
            await _answer(send, b"ok")
            return
        value = await pool.fetchval(sql, unquote(scope["path"].rsplit("/", 1)[1]))
        if value is None:
            await _answer(send, b"", 404)
        else:
            await _answer(send, value if isinstance(value, bytes) else value.encode())

    return app


def fastapi_constant() -> Any:
    """FastAPI with one route that returns the bytes of a file."""
    from fastapi import FastAPI, Response

    body = Path(os.environ["BENCH_BODY"]).read_bytes()
    app = FastAPI()

    @app.get("/")
    async def answer() -> Response:
        return Response(body, media_type="application/json")

    return app


def fastapi_insert() -> Any:
    """FastAPI that validates the same body and writes it with asyncpg, one transaction a request."""
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager

    import asyncpg
    from fastapi import FastAPI

    from bench.floor_insert import Copier, copiers
    from services.credit.violations.schemas import ViolationIn

    state: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        state["makers"] = await copiers(os.environ["BENCH_SAMPLE"])
        async with asyncpg.create_pool(os.environ["BENCH_DSN"], min_size=10, max_size=10) as pool:
            state["pool"] = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def alive() -> str:
        return "ok"

    @app.post("/violations", status_code=201)
    async def record(body: ViolationIn) -> dict[str, str]:
        makers: list[Copier] = state["makers"]
        async with state["pool"].acquire() as connection, connection.transaction():
            for maker in makers:
                await connection.execute(maker.values, *maker.row())
        return {"document_number": body.document_number}

    return app
