"""Background tasks that must not die silently: a failed one is started again with backoff, and `/readyz` says so."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from shared import metrics
from shared.clock import utc_text
from shared.db.faults import fault_of, words_of

if TYPE_CHECKING:
    from shared.platform import Platform

Run = Callable[[], Awaitable[None]]
log = structlog.get_logger("supervisor")
_FIRST, _LONGEST = 0.2, 1.0
"""Seconds between two starts. With `_STEADY_SECONDS` they are what a task needs after an outage until it is trusted
again: five seconds are promised for the whole system (`docs/ops/events.md`)."""
_STEADY_SECONDS = 2.0
_TELL_SECONDS = 60.0
"""An outage repeats itself every second; the same failure is told again after so long."""
_END_SECONDS = 5.0


@dataclass
class _Failures:
    """Of one task, since the process began."""

    count: int = 0
    since: datetime | None = None
    """When the present row of failures began; None while it is trusted."""
    told: str = ""
    told_at: float = 0.0


class Supervisor:
    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self, name: str, run: Run) -> None:
        self._tasks.append(asyncio.create_task(self._keep(name, run), name=f"pinzhi:{name}"))

    async def _keep(self, name: str, run: Run) -> None:
        """Until `run` returns or the service ends. Nothing else leaves this loop."""
        failures, wait = _Failures(), _FIRST
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            error = await self._once(name, run, failures)
            if error is None:
                return
            # Whatever it costs to tell of it, the task comes back.
            with suppress(Exception):
                self._tell(name, error, failures)
            error = None  # its traceback keeps what the task held, a transaction perhaps
            if loop.time() - started > _STEADY_SECONDS:
                wait = _FIRST
            await self._pause(wait)
            wait = min(wait * 2, _LONGEST)

    async def _once(self, name: str, run: Run, failures: _Failures) -> BaseException | None:
        """One life of the task: what ended it, or None when it has done its work."""
        steady = asyncio.get_running_loop().call_later(_STEADY_SECONDS, self._trust, name, failures)
        try:
            await run()
        except (KeyboardInterrupt, GeneratorExit):  # the end of the process, or of the event loop
            raise
        except BaseException as error:
            # A cancellation that nobody here asked for is an error too: aiokafka cancels what others wait for. So is an
            # exit that some library calls for: a service ends by signals only.
            if self._stopping:
                raise
            self._forget_cancellation()
            return error
        finally:
            steady.cancel()
        self._trust(name, failures)
        return None

    def _trust(self, name: str, failures: _Failures) -> None:
        failures.since = None
        self._platform.failing.pop(name, None)

    def _tell(self, name: str, error: BaseException, failures: _Failures) -> None:
        words = words_of(error)
        failures.count += 1
        if failures.since is None:
            failures.since = self._platform.clock.now()
        fault = fault_of(error)
        since = failures.since
        plain = f"{words} (since {utc_text(since)})" if fault is None else fault.words(since)
        self._platform.failing[name] = plain
        metrics.TASK_RESTARTS.labels(self._platform.name, name).inc()
        again, now = words == failures.told, asyncio.get_running_loop().time()
        if not again or now > failures.told_at + _TELL_SECONDS:
            failures.told, failures.told_at = words, now
            trace = None if again else error
            log.error("task failed, starting again", task=name, error=words, failures=failures.count, exc_info=trace)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if self._stopping:
                raise
            self._forget_cancellation()

    def _forget_cancellation(self) -> None:
        """Or a timeout inside the next life would take the cancellation for its own."""
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()

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
