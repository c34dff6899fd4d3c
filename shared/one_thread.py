"""Blocking calls on something that one thread at a time may touch, such as a connection to a SQLite file."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class OneThread:
    """Calls one after the other in a thread of its own.

    A call goes on when its caller is cancelled. In a pool of threads the next call, or the one that closes the
    connection, would meet it there and crash the process.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self.ended = False

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    async def end(self, work: Callable[[], None]) -> None:
        """`work` comes last, after what is still under way. Saying it again does nothing."""
        if self.ended:
            return
        try:
            await self.run(work)
        finally:
            self.ended = True
            self._pool.shutdown(wait=False)
