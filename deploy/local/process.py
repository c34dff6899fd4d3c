"""What both local servers need: a free port, a child that dies with its parent, an end by its own pid."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

Say = Callable[[str], None]


class MissingPart(RuntimeError):
    """A program that is not part of Pinzhi is not installed; the text says which, why and how to get it."""


def free_port() -> int:
    """A loopback TCP port that the kernel says is free now. Another program may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tied(command: Sequence[str], *, user: str | None = None, orphaned: str = "TERM") -> list[str]:
    """`command`, run as `user` (only root may ask) and sent the signal `orphaned` when its starter is gone.

    The kernel means the starting *thread*: start servers from a thread that lives as long as they do. Without
    `setpriv` (systems other than Linux) the command stays as it is.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(command)
    prefix = [setpriv, "--pdeathsig", orphaned]
    if user is not None:
        prefix += ["--reuid", user, "--regid", user, "--clear-groups"]
    return [*prefix, *command]


def stop(process: subprocess.Popen[bytes], *, with_signal: signal.Signals, seconds: float = 20) -> None:
    """End exactly this child: ask, wait, then SIGKILL."""
    if process.poll() is not None:
        return
    process.send_signal(with_signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log file, for an error message."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
