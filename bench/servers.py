"""Servers under test: one uvicorn worker in a process of its own, pinned, on a free loopback port, ended by its pid."""

import http.client
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.frame import SERVICE_CORE
from deploy.local import pinzhi
from deploy.local.process import free_port, stop, tail, tied

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60.0


@contextmanager
def serving(
    command: Callable[[int], list[str]], *, environment: Mapping[str, str], folder: Path, ready: str = "/"
) -> Iterator[str]:
    """Run the server that `command(port)` names on the service's core; yields its base URL once `ready` answers 2xx."""
    port = free_port()
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(["taskset", "-c", SERVICE_CORE, *command(port)]),
            cwd=ROOT,
            env={**pinzhi.environment(), "PYTHONPATH": str(ROOT), **environment},
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


def floor(app: str) -> Callable[[int], list[str]]:
    """One uvicorn worker with a factory of `bench.floors`, with the options of `pinzhi serve`."""
    options = ["--no-access-log", "--log-level", "warning", "--no-server-header", "--no-date-header"]
    return lambda port: [
        *(sys.executable, "-m", "uvicorn", "--factory", f"bench.floors:{app}"),
        *("--host", "127.0.0.1", "--port", str(port), *options),
    ]


def service(name: str) -> Callable[[int], list[str]]:
    """One service as it is run in production, one worker."""
    return lambda port: pinzhi.command("serve", name, "--port", str(port))


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server of {url} ended:\n{tail(log, 30)}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError, http.client.HTTPException):
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {SECONDS:.0f} s:\n{tail(log, 30)}")


def get(url: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The body of one answer; raises on anything but 2xx."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def send(method: str, url: str, body: object, token: str) -> bytes:
    """The answer to a JSON body; raises on anything but 2xx, with what the server said."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {url}: {error.code} {error.read()[:500].decode(errors='replace')}") from error
