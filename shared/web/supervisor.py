"""Background tasks that must not die silently: a failed one is started again with backoff, and `/readyz` says so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from shared import metrics

if TYPE_CHECKING:
    from shared.platform import Platform

log = structlog.get_logger("supervisor")
_FIRST, _LONGEST = 0.2, 1.0
"""Seconds between two starts. With `_STEADY_SECONDS` they are what a task needs after an outage until it is trusted
again: five seconds are promised for the whole system (`docs/ops/events.md`)."""
_STEADY_SECONDS = 2.0
_TELL_SECONDS = 60.0
"""An outage repeats itself every second; the same failure is told again after so long."""
_END_SECONDS = 5.0


class Supervisor:
    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._keep(name, run), name=f"pinzhi:{name}"))

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        failing, wait = self._platform.failing, _FIRST
        told, told_at, failures = "", 0.0, 0
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            steady = loop.call_later(_STEADY_SECONDS, failing.pop, name, None)
            try:
                await run()
                failing.pop(name, None)
                return
            except (Exception, asyncio.CancelledError) as error:
                # A cancellation that nobody here asked for is an error too: aiokafka cancels what others wait for.
                if self._stopping:
                    raise
                failing[name] = f"{type(error).__name__}: {error}"[:300]
                metrics.TASK_RESTARTS.labels(self._platform.name, name).inc()
                failures += 1
                again = failing[name] == told
                if not again or loop.time() > told_at + _TELL_SECONDS:
                    trace = None if again else error
                    told, told_at = failing[name], loop.time()
                    log.error("task failed, starting again", task=name, error=told, failures=failures, exc_info=trace)
            finally:
                steady.cancel()
            if loop.time() - started > _STEADY_SECONDS:
                wait = _FIRST
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST)

    async def stop(self) -> None:
        """End each task between two of its transactions; one that is in the same for five seconds is cut off."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _END_SECONDS
        waiting = self._tasks
        while waiting := [task for task in waiting if not self._cancel(task, late=loop.time() > deadline)]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _cancel(self, task: asyncio.Task[None], *, late: bool) -> bool:
        """Whether the task was cancelled, or has ended."""
        if not late and self._platform.db.is_at_work(task):
            return False
        task.cancel()
        return True
