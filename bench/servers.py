"""Servers under test: one uvicorn worker in a process of its own, pinned, on a free loopback port, ended by its pid."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.frame import SERVICE_CORE
from deploy.local.process import free_port, stop, tail, tied

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60.0


@contextmanager
def serving(app: str, *, environment: Mapping[str, str], folder: Path, ready: str = "/") -> Iterator[str]:
    """Serve `module:factory` on one worker; yields its base URL once `ready` answers 2xx.

    The same server options for product and floor: uvloop, httptools, no access log.
    """
    port = free_port()
    log = folder / f"{app.replace(':', '-')}-{port}.log"
    command = [sys.executable, "-m", "uvicorn", "--factory", app, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(["taskset", "-c", SERVICE_CORE, *command]),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    base = f"http://127.0.0.1:{port}"
    try:
        wait(base + ready, process, log)
        yield base
    finally:
        stop(process, with_signal=signal.SIGTERM)


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server of {url} ended:\n{tail(log, 30)}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {SECONDS:.0f} s:\n{tail(log, 30)}")


def get(url: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The body of one answer; raises on anything but 2xx."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
        return body
