"""What work costs the process: how long the event loop's thread is held at a stretch, and memory.

A stretch is one callback, from one yield to the next, in CPU seconds of the loop's own thread: who waits for the
processor does not count. The collector works in it as it does in a service.
"""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared import collector

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Watch:
    """`longest`: seconds of the longest stretch so far; `where`: the task or callback."""

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self.longest, self.where = 0.0, ""

    def reset(self) -> None:
        self.longest, self.where = 0.0, ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        real = asyncio.events.Handle._run

        def run(handle: Any) -> None:
            if threading.get_ident() != self._thread:
                return real(handle)
            before = time.thread_time()
            described = _described(handle)
            try:
                real(handle)
            finally:
                spent = time.thread_time() - before
                if spent > self.longest:
                    self.longest, self.where = spent, described
            return None

        with pytest.MonkeyPatch.context() as patch, _collected_as_served():
            patch.setattr(asyncio.events.Handle, "_run", run)
            yield


@contextmanager
def watched() -> Iterator[Watch]:
    """Measure the loop of this thread while the block runs."""
    watch = Watch(threading.get_ident())
    with watch.watching():
        yield watch


@contextmanager
def _collected_as_served() -> Iterator[None]:
    rarely = gc.get_threshold()  # a test run collects rarely, and much at once (tests/conftest.py)
    collector.settle()
    try:
        yield
    finally:
        gc.set_threshold(*rarely)
        gc.unfreeze()


def _described(handle: Any) -> str:
    owner = getattr(handle._callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"{owner.get_name()} {getattr(owner.get_coro(), '__qualname__', '')}"
    return str(getattr(handle._callback, "__qualname__", handle._callback))


class Memory:
    """How far the process grew beyond what it had; what comes back later counts all the same."""

    def __init__(self) -> None:
        _CLEAR.write_text("5")  # the high-water mark begins anew
        self._before = _read("VmRSS")

    def growth(self) -> int:
        return _read("VmHWM") - self._before


def _read(name: str) -> int:
    found = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(found.split()[1]) * 1024
