"""The services of a run: databases, bus and processes, what clients were told and what took effect."""

import os
import signal
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx

from chaos.history import Effect, Verdict, Write, judge
from chaos.nursery import Nursery
from chaos.worker import CONSUMERS, metadata
from deploy.local.process import free_port
from tests.support.callers import AUDIENCE, ISSUER, staff, write_jwks
from tests.support.databases import Backend, apart

SECONDS = 60.0
"""How long a run waits for what must happen; a busy machine is slow."""


@dataclass(frozen=True)
class Process:
    service: str
    worker: str
    port: int
    pid: int


class Cluster:
    """`backend` gives a database for each service; `bus_url` is the bus between them. `patience`: how many seconds the
    services wait for an answer of Kafka, when not as long as always.
    """

    def __init__(self, nursery: Nursery, backend: Backend, bus_url: str, *, patience: float | None = None) -> None:
        self._nursery = nursery
        self._folder = backend.folder
        self.services = ["credit", *CONSUMERS]
        self.consumers = list(CONSUMERS)
        self._patience = patience
        self._urls = {service: backend.bare(metadata(service)) for service in self.services}
        self._ports: defaultdict[tuple[str, str], int] = defaultdict(free_port)
        self._bus_url = bus_url
        self._jwks = write_jwks(self._folder / "jwks.json")
        self._http = httpx.Client(timeout=20, trust_env=False)
        self.embedded_log = bus_url.startswith("sqlite:")
        self.topic_prefix = "" if self.embedded_log else bus_url.rpartition("/")[2]
        self.running: dict[tuple[str, str], Process] = {}
        self.history: list[Write] = []
        """What clients were told in all loads so far."""

    def close(self) -> None:
        for process in list(self.running.values()):
            self.kill(process)
        self._http.close()

    # Processes ------------------------------------------------------------------------------------------------------

    def start(self, service: str, worker: str = "0", *, failpoints: str = "", poison: bool = False) -> Process:
        """Start a process and wait until it answers, or, with failpoints, has ended."""
        port = self._ports[service, worker]
        environment = {
            "FAULT_SERVICE": service,
            "FAULT_PORT": str(port),
            "FAULT_POISON": "1" if poison else "",
            "FAULT_PATIENCE": str(self._patience or ""),
            "PINZHI_WORKER_ID": worker,
            "PINZHI_DATA_DIR": str(self._folder),
            "PINZHI_DATABASE_URL": self._urls[service],
            "PINZHI_BUS_URL": self._bus_url,
            "PINZHI_FAILPOINTS": failpoints,
            "PINZHI_ISSUER": ISSUER,
            "PINZHI_AUDIENCE": AUDIENCE,
            "PINZHI_JWKS": str(self._jwks),
            "PINZHI_POLL_SECONDS": "0.1",
            "PINZHI_LOG_LEVEL": "warning",
        }
        process = Process(service, worker, port, self._nursery.start(environment))
        self.running[service, worker] = process
        self.until(lambda: self._answers(process) or self._gone(process), f"the start of {service}")
        if process not in self.running.values() and not failpoints:
            raise RuntimeError(f"{service} ended while it was started; {self._nursery.log} tells why")
        return process

    def start_all(self) -> None:
        """What does not run is started."""
        for service in self.services:
            if (service, "0") not in self.running:
                self.start(service)

    def restart(self, service: str, *, failpoints: str = "", poison: bool = False) -> Process:
        self.kill(self.running[service, "0"])
        return self.start(service, failpoints=failpoints, poison=poison)

    def port(self, service: str, worker: str = "0") -> int:
        return self._ports[service, worker]

    def kill(self, process: Process) -> None:
        os.kill(process.pid, signal.SIGKILL)
        self.ended(process)

    def stop(self, process: Process) -> None:
        """The graceful end, as an operator asks for it; what does not end well is an error."""
        os.kill(process.pid, signal.SIGTERM)
        code = self.ended(process)
        if code not in (0, -signal.SIGTERM):  # uvicorn ends by the signal once it has shut down
            raise RuntimeError(f"{process.service} ended with {code}; {self._nursery.log} tells why")

    def ended(self, process: Process) -> int:
        """Wait for the end of a process: its exit code, or minus the signal that ended it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            code = self._nursery.ended(process.pid)
            if code is not None:
                del self.running[process.service, process.worker]
                return code
            time.sleep(0.01)
        raise TimeoutError(f"{process.service} did not end within {SECONDS:.0f} s")

    def _gone(self, process: Process) -> bool:
        """Whether the process has ended, without asking for how."""
        with open(f"/proc/{process.pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"

    def _answers(self, process: Process) -> bool:
        try:
            answer = self._http.get(f"http://127.0.0.1:{process.port}/healthz", timeout=5)
        except httpx.TransportError:
            return False
        return bool(answer.status_code == 200 and answer.json()["pid"] == process.pid)

    def until(self, holds: Callable[[], Any], what: str, *, seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come within {seconds:.0f} s; {self._nursery.log} may tell why")
            time.sleep(0.02)

    # What an operator does ------------------------------------------------------------------------------------------

    def operate(self, method: str, service: str, path: str) -> Any:
        """Ask the running worker 0 of a service as an administrator. None when it went away instead of answering."""
        port = self._ports[service, "0"]
        headers = staff("administrator").headers(datetime.now(UTC))
        try:
            answer = self._http.request(method, f"http://127.0.0.1:{port}/v1/{service}/events{path}", headers=headers)
        except httpx.TransportError:
            return None
        if answer.is_error:
            raise RuntimeError(f"{method} {answer.url}: {answer.status_code} {answer.text}")
        return answer.json()

    def letters(self, service: str, state: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.operate("GET", service, f"/dead-letters?state={state}&limit=100")["items"]
        return found

    def arrived(self, service: str) -> bool:
        """Whether all that was acknowledged took effect in a consumer or waits there as a dead letter."""
        return int(self.rows(service, _ARRIVED)[0][0]) >= self._expected()

    # The history ----------------------------------------------------------------------------------------------------

    def rows(self, service: str, sql: str) -> list[tuple[Any, ...]]:
        url = self._urls[service]
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as connection:
                return connection.execute(sql).fetchall()
        return apart(_fetch(url, sql))

    def effects(self) -> dict[str, list[Effect]]:
        return {
            consumer: [(key, content) for key, content in self.rows(consumer, _EFFECTS)] for consumer in self.consumers
        }

    def settle(self, *, seconds: float = SECONDS) -> Verdict:
        """Wait until all that was acknowledged took effect and nothing waits anywhere; the judge's word then.

        When that does not come in time, the word on how things stand.
        """
        history, expected = self.history, self._expected()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (
                all(self.rows(each, "SELECT count(*) FROM effect")[0][0] >= expected for each in self.consumers)
                and not judge(history, self.effects()).lost
                and self._at_rest()
            ):
                break
            time.sleep(0.05)
        return judge(history, self.effects())

    def _expected(self) -> int:
        return sum(write.answer == "acknowledged" for write in self.history)

    def _at_rest(self) -> bool:
        return all(self._waits(process) == 0 for process in list(self.running.values()))

    def _waits(self, process: Process) -> int:
        """Rows, records and letters that wait in a process; -1 while it cannot tell."""
        try:
            told = self._ready(process)
        except httpx.TransportError:
            return -1
        if told["reasons"] or (process.service in CONSUMERS and not told["consumer_lag"]):
            return -1
        return int(told["outbox_pending"] + sum(told["consumer_lag"].values()) + told["dead_letters"])

    def _ready(self, process: Process) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self._http.get(f"http://127.0.0.1:{process.port}/readyz").json()
        return told


_ARRIVED = """SELECT (SELECT count(*) FROM effect)
    + (SELECT count(*) FROM dead_letter WHERE state IN ('failed', 'parked', 'gap'))"""
_EFFECTS = "SELECT key, content FROM effect ORDER BY position"


async def _fetch(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()
