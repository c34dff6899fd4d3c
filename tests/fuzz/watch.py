"""What a request cost the process: the event loop's longest stretch without a yield, and memory."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Watch:
    """`longest` is CPU time of the loop's own thread between two yields, so that a busy machine does not matter."""

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

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.events.Handle, "_run", run)
            gc.collect()
            gc.freeze()  # as a service does at its start
            yield
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
