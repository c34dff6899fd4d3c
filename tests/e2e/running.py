"""`pinzhi up` as a user starts it, on ports and in a directory of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy import topology
from deploy.demo.accounts import DemoClient, DemoUser
from deploy.demo.client import Account
from deploy.local.pinzhi import command, environment, free_ports

SECONDS = 90.0
"""How long a test waits for what must happen; a busy machine is slow."""


@dataclass
class Running:
    base: str
    port: int
    data_dir: Path
    process: subprocess.Popen[bytes]
    http: httpx.Client
    kafka: str = ""
    """`host:port/prefix` when the bus is Kafka."""
    postgres: str = ""

    def account(self, who: DemoClient | DemoUser) -> Account:
        return Account(self.http, who)

    def pid(self, service: str) -> int:
        return int((self.data_dir / "run" / f"{service}.pid").read_text())

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.port + topology.service(service).port_offset}"

    def kill(self, service: str) -> int:
        """SIGKILL one service; its pid."""
        pid = self.pid(service)
        os.kill(pid, signal.SIGKILL)
        return pid

    def answers(self, service: str) -> bool:
        """Whether the service's own process, and no other, answers on its port and is ready."""
        try:
            alive = self.http.get(f"{self.url(service)}/healthz", timeout=3).json()
            ready = self.http.get(f"{self.url(service)}/readyz", timeout=3).status_code == 200
        except httpx.HTTPError:
            return False
        return bool(ready and alive == {"status": "alive", "service": service, "pid": self.pid(service)})

    def output(self) -> str:
        return (self.data_dir / "out.txt").read_text(encoding="utf-8")


def until(holds: Callable[[], Any], what: str, *, seconds: float = SECONDS) -> Any:
    """The first true value of `holds()`; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


@contextmanager
def running(
    data_dir: Path,
    *options: str,
    port: int | None = None,
    demo: bool = True,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """All four services, proven to be this run's own; with `demo`, when its data is loaded. Stopped with SIGTERM."""
    base = port or free_ports()
    data_dir.mkdir(parents=True, exist_ok=True)
    arguments = ["up", "--data-dir", str(data_dir), "--port", str(base), "--demo" if demo else "--no-demo", *options]
    with ExitStack() as stack:
        out = stack.enter_context((data_dir / "out.txt").open("ab"))
        process = subprocess.Popen(
            command(*arguments),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment() | dict(variables or {}),
        )
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{base}", timeout=30))
        kafka = next((option.removeprefix("kafka://") for option in options if option.startswith("kafka://")), "")
        postgres = next((option for option in options if option.startswith("postgresql://")), "")
        up = Running(f"http://127.0.0.1:{base}", base, data_dir, process, http, kafka, postgres)
        try:
            _wait(up, [service.name for service in topology.SERVICES], demo=demo)
            yield up
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(up: Running, services: Sequence[str], *, demo: bool) -> None:
    def ready() -> bool:
        if up.process.poll() is not None:
            raise AssertionError(f"pinzhi up ended with {up.process.returncode}:\n{up.output()}")
        if "demo data could not be loaded" in up.output():
            raise AssertionError(up.output())
        pids = all((up.data_dir / "run" / f"{service}.pid").exists() for service in services)
        return pids and all(up.answers(service) for service in services)

    until(ready, "the start of the four services")
    if demo:
        until(lambda: ready() and (up.data_dir / "run" / "demo-loaded").exists(), "loading the demo data")
