"""Lines to a file descriptor that may fail at any time: a full disk, a pipe that nobody reads any more, a terminal that
was stopped. Standard library only: the supervisor of `pinzhi up` writes with it too.

A line that cannot be written is dropped and counted. Nothing is raised, and whoever writes waits for a slow reader for
a moment only: a quarter of a second at once, 2.5 % of the time in the long run. Once lines are taken again, the first
one tells how many were lost.
"""

import os
import select
import stat
import threading
import time
from collections.abc import Callable

_PIECE = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512
"""What a pipe that is ready takes without making the writer wait."""
_LONGEST_WAIT, _SHARE = 0.25, 0.025
_LAST_RESORT = "{} lines were lost: {}"


class Lines:
    """`write` takes one line without its end. `lost` counts the lines that are gone and not told yet; `dropped` is
    called with each of them (a metric). `note` makes the line that tells it out of their number and the reason.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        dropped: Callable[[], None] = lambda: None,
        note: Callable[[int, str], str] = _LAST_RESORT.format,
    ) -> None:
        self._descriptor = descriptor
        self._dropped, self._note = dropped, note
        self._turn = threading.Lock()
        self._poll = _poll(descriptor)
        """None for a file, which never makes a writer wait for a reader."""
        self._patience, self._waited_at = _LONGEST_WAIT, time.monotonic()
        self._torn = False
        """The last line was written in part: the next one begins on a line of its own."""
        self.lost = 0
        self._reason = ""

    def write(self, line: str) -> bool:
        """Whether it was written."""
        # A signal handler may come in the middle of a line of the same thread: it must not wait for itself.
        if not self._turn.acquire(timeout=_LONGEST_WAIT):
            self._lose("another thread is writing")
            return False
        try:
            if self.lost:
                self._put(self._note(self.lost, self._reason))
                self.lost = 0
            self._put(line)
        except Exception as error:
            # OSError: full, gone, read-only. ValueError: closed. Whatever else it is, who writes must not pay for it.
            self._lose(getattr(error, "strerror", None) or str(error) or type(error).__name__)
            return False
        finally:
            self._turn.release()
        return True

    def _lose(self, reason: str) -> None:
        self.lost += 1
        self._reason = reason
        try:
            self._dropped()
        except Exception:
            self._reason += "; it could not be counted"

    def _put(self, line: str) -> None:
        data = memoryview((line + "\n").encode("utf-8", "backslashreplace"))
        if self._torn:
            data = memoryview(b"\n" + data)
        while data:
            if self._poll is not None and not self._poll.poll(0):
                self._wait(self._poll)
            count = os.write(self._descriptor, data if self._poll is None else data[:_PIECE])
            self._torn = True
            data = data[count:]
        self._torn = False

    def _wait(self, poll: "select.poll") -> None:
        """Until the reader takes something, as long as there is patience. Raises TimeoutError."""
        begun = time.monotonic()
        patience = min(_LONGEST_WAIT, self._patience + (begun - self._waited_at) * _SHARE)
        ready = patience >= 0.001 and poll.poll(int(patience * 1000))
        self._waited_at = time.monotonic()
        self._patience = max(0.0, patience - (self._waited_at - begun))
        if not ready:
            raise TimeoutError("nobody reads it")


def _poll(descriptor: int) -> "select.poll | None":
    try:
        if not hasattr(select, "poll") or stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
    except OSError:  # not open: writing will tell
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll
