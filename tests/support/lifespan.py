"""Run an app's lifespan for real, in a task of its own (`httpx.ASGITransport` runs none)."""

import asyncio
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Message


class Lifespan:
    """`async with Lifespan(app):` starts the app, and stops it on leaving. `state` is what the app put there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        self._task = asyncio.create_task(self._run(scope))
        await self._say("startup")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._say("shutdown")
        assert self._task is not None
        await self._task

    async def _run(self, scope: dict[str, Any]) -> None:
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _say(self, what: str) -> None:
        assert self._task is not None
        await self._to_app.put({"type": f"lifespan.{what}"})
        answer = asyncio.create_task(self._from_app.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            self._task.result()
            raise RuntimeError(f"the app ended without answering {what}")
        message = answer.result()
        if message["type"] == f"lifespan.{what}.failed":
            await self._task
            raise RuntimeError(f"{what} failed: {message.get('message', '')}")
