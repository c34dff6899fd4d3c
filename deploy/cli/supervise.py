"""Looks after the services that `pinzhi up` has started: a dead one is started again, Ctrl-C stops all in order.

A full disk, a terminal that is gone, a machine that gives no further process: what cannot be done now is tried again,
and the services go on. Imports the standard library alone (`shared.lines` keeps to it too). `pinzhi up` becomes this
program once the services are forked, because a process that had imported all of them would keep its own copy of what
they have changed since.
"""

import contextlib
import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from shared.lines import Lines

_RESTART_SECONDS = 3.0
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_TAIL = 20_000
"""Bytes at the end of a log in which its last line is looked for."""
_OUTPUT = Lines(1)


@dataclass
class Child:
    service: str
    port: int
    pid: int
    restart_at: float | None = None
    told: bool = False
    """Whether its pid file says how it runs now."""


@dataclass
class Supervisor:
    """`arguments` is the command line of `pinzhi`, for `--reload`; `environment` what a service has beside ours."""

    data_dir: Path
    base: int
    demo: bool
    reload: bool
    arguments: list[str]
    environment: dict[str, dict[str, str]]
    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    changed: bool = False
    failed: str = ""
    loader: subprocess.Popen[bytes] | None = None
    watcher: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for child in self.children:
            self._write_pid(child)
        try:
            if self._wait_until_ready():
                self._welcome()
                self._start_helpers()
                self._watch()
        finally:
            self._stop_all()
        if self.failed:
            Lines(2).write(f"pinzhi: {self.failed}")
            return 2
        if self.changed:
            os.execv(sys.executable, [sys.executable, "-m", "deploy.cli.main", *self.arguments])  # noqa: S606
        return 0

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _write_pid(self, child: Child) -> None:
        """A disk that is full takes it later: a service must not end for want of its pid file."""
        with contextlib.suppress(OSError):
            (self.data_dir / "run" / f"{child.service}.pid").write_text(f"{child.pid}\n")
            child.told = True

    def _log(self, child: Child) -> Path:
        return self.data_dir / "log" / f"{child.service}.log"

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        for child in self.children:
            while not self.stopping and not _answers(child.port):
                if _ended(child.pid) is not None:
                    child.pid = 0
                    self.failed = f"{child.service} did not start; {_last_line(self._log(child))}"
                elif time.monotonic() > deadline:
                    self.failed = f"{child.service} does not answer; see {self._log(child)}"
                if self.failed:
                    return False
                time.sleep(0.02)
        return not self.stopping

    def _welcome(self) -> None:
        address = f"http://127.0.0.1:{self.base}"
        _say(f"\n品质 Pinzhi is ready:  {address}/\n  English {address}/en/   API {address}/docs")
        _say(f"  logs {self.data_dir / 'log'}   Ctrl-C stops\n")

    def _start_helpers(self) -> None:
        if self.demo:
            command = ["-m", "deploy.demo.load", f"http://127.0.0.1:{self.base}", str(self.data_dir / "run")]
            self.loader = subprocess.Popen([sys.executable, *command])
        if self.reload:
            # watchfiles comes with uvicorn[standard]; its process ends with the first change
            script = "from watchfiles import watch; next(iter(watch('services', 'shared', 'deploy')))"
            self.watcher = subprocess.Popen([sys.executable, "-c", script])

    def _watch(self) -> None:
        while not self.stopping:
            time.sleep(_LOOK_SECONDS)
            for child in self.children:
                self._look_after(child)
            if self.watcher is not None and self.watcher.poll() is not None:
                _say("The code changed; starting again ...")
                self.changed = True
                return
            if self.loader is not None and self.loader.poll() is not None:
                if self.loader.returncode:
                    _say("The demo data could not be loaded completely; the next start goes on with it.")
                self.loader = None

    def _look_after(self, child: Child) -> None:
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                self._start_again(child)
            return
        ended = _ended(child.pid)
        if ended is not None:
            child.restart_at, child.told = time.monotonic() + _RESTART_SECONDS, False
            why = _reason(self._log(child))
            _say(f"{child.service} ended ({ended}{why}); it is started again in 3 s, the others go on")
        elif not child.told:
            self._write_pid(child)

    def _start_again(self, child: Child) -> None:
        try:
            child.pid, child.restart_at = self._spawn(child), None
        except OSError as error:
            child.restart_at = time.monotonic() + _RESTART_SECONDS
            _say(f"{child.service} cannot be started: {error.strerror}; it is tried again in 3 s")
            return
        self._write_pid(child)

    def _spawn(self, child: Child) -> int:
        return spawn(child.service, child.port, self._log(child), self.environment[child.service])

    def _stop_all(self) -> None:
        _say("Stopping ...")
        for helper in (self.loader, self.watcher):
            if helper is not None and helper.poll() is None:
                helper.terminate()
                helper.wait()
        running = [child for child in self.children if child.pid and child.restart_at is None]
        for child in running:
            _signal(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in running:
            while _ended(child.pid) is None:
                if time.monotonic() > deadline:
                    _signal(child.pid, signal.SIGKILL)
                time.sleep(0.02)
        for child in self.children:
            with contextlib.suppress(OSError):
                (self.data_dir / "run" / f"{child.service}.pid").unlink(missing_ok=True)


def spawn(service: str, port: int, log: Path, environment: dict[str, str]) -> int:
    """Start one service as a process that imports for itself; its pid."""
    with _opened(log) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli.main", "serve", service, "--port", str(port), "--with-parent"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | environment,
            process_group=0,  # Ctrl-C reaches the parent only, which stops all in order
        )
    process.returncode = 0  # waited for by pid, as the forked ones are
    return process.pid


def _opened(log: Path) -> IO[bytes]:
    """The log, or nowhere when it cannot be opened: without its log a service is better than not at all."""
    try:
        return log.open("ab")
    except OSError as error:
        _say(f"{log} cannot be opened: {error.strerror}; what is said goes nowhere")
        return open(os.devnull, "ab")


def _say(text: str) -> None:
    _OUTPUT.write(text)


def _ended(pid: int) -> str | None:
    """How a child ended, or None while it runs. Asked again for one that was told before, it says so too."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return "unknown"
    if found == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    connection.close()
    return False


def _last_line(log: Path) -> str:
    """Why a service did not start, in its own words when it was one line of ours, and where the rest stands."""
    return f"{_last_word(log) or 'it left no word'}; see {log}"


def _reason(log: Path) -> str:
    word = _last_word(log)
    return f": {word}" if word else ""


def _last_word(log: Path) -> str:
    """The last line of a log without what stands before it, if it is one of ours for whoever started it."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("pinzhi: ") if lines and lines[-1].startswith("pinzhi: ") else ""


def main() -> int:
    """The state comes as JSON, the lock of the data directory as an open file."""
    state: dict[str, Any] = json.loads(sys.argv[1])
    lock = os.fdopen(state.pop("lock"), "a+")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.set_inheritable(lock.fileno(), False)  # so that a start anew (`--reload`) finds the directory free
    children = [Child(**child) for child in state.pop("children")]
    data_dir = Path(state.pop("data_dir"))
    return Supervisor(data_dir=data_dir, children=children, **state).run()


if __name__ == "__main__":
    sys.exit(main())
