"""Every background task of every service comes back, whatever ended it and as often as it does.

The tasks are those that the running service has started: one that is added later is here by itself.
"""

import asyncio
import importlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from deploy import topology
from deploy.demo.accounts import ENFORCEMENT
from shared.db.faults import FULL, READ_ONLY, fault_of
from shared.web import supervisor as supervisor_module
from shared.web import worker
from shared.web.supervisor import Supervisor
from tests.faults.test_full_disk import document
from tests.support.app import NOW, Harness, department, running, staff
from tests.support.databases import Backend, apart
from tests.unit.web.test_supervisor import Odd, full

SERVICES = [service.name for service in topology.SERVICES]
ERRORS: list[Callable[[], BaseException]] = [
    lambda: OSError(28, "No space left on device"),
    lambda: DBAPIError("INSERT", {}, full()),
    lambda: asyncio.CancelledError(),
    lambda: SystemExit(1),
    lambda: Odd(),
    lambda: RuntimeError("of our own"),
]


@asynccontextmanager
async def service_of(name: str, backend: Backend, **settings: Any) -> AsyncIterator[Harness]:
    which = topology.service(name)

    def load(path: str) -> Any:
        module, _, attribute = path.partition(":")
        return getattr(importlib.import_module(module), attribute)

    async with running(load(which.factory), load(which.settings), backend, poll_seconds=0.05, **settings) as harness:
        yield harness


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "_FIRST", 0.01)
    monkeypatch.setattr(supervisor_module, "_LONGEST", 0.05)
    monkeypatch.setattr(supervisor_module, "_STEADY_SECONDS", 0.5)
    monkeypatch.setattr(worker, "_RENEW_SECONDS", 0.1)


@pytest.mark.parametrize("name", SERVICES)
async def test_each_task_comes_back_after_each_error(
    name: str, sqlite_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: Counter[str] = Counter()
    alive: dict[str, asyncio.Event] = {}
    start = Supervisor.start

    def watched(self: Supervisor, task: str, run: Callable[[], Awaitable[None]]) -> None:
        alive[task] = asyncio.Event()

        async def fail_first() -> None:
            if failures[task] < len(ERRORS):
                failures[task] += 1
                raise ERRORS[failures[task] - 1]()
            alive[task].set()
            await run()

        start(self, task, fail_first)

    monkeypatch.setattr(Supervisor, "start", watched)
    async with service_of(name, sqlite_backend) as harness:
        assert {"relay", "consumer", "audit", "worker", "retention", "loop"} <= set(alive)
        assert len(alive) >= 6 + len(harness.app.spec.background)
        async with asyncio.timeout(60):
            await asyncio.gather(*(each.wait() for each in alive.values()))
        await harness.until(lambda: not harness.platform.failing, "that all are trusted again")
        assert set(failures.values()) == {len(ERRORS)}
        assert (await harness.get("/readyz", as_=staff("administrator"))).status_code == 200


class Refusing:
    """A database that takes no writes while `now` is set: SQLite's own refusals, on connections old and new."""

    def __init__(self, harness: Harness) -> None:
        self.now: str | None = None
        event.listen(harness.platform.db.writer.sync_engine, "begin", self._begin, insert=True)

    def _begin(self, connection: Any) -> None:
        full = "1" if self.now == "full" else "1073741823"
        connection.exec_driver_sql(f"PRAGMA max_page_count={full}")
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if self.now == 'read-only' else 'OFF'}")


async def fill(harness: Harness) -> None:
    async with harness.platform.system_unit_of_work() as uow:
        await uow.session.execute(
            text(
                "INSERT INTO idempotency (principal, key, request_hash, status, headers, body, created_at) "
                "VALUES ('x', :key, 'x', 200, '{}', randomblob(200000), '2026-11-24T04:00:00.000000Z')"
            ),
            {"key": uow.id()},
        )


@pytest.mark.parametrize("kind", ["full", "read-only"])
@pytest.mark.parametrize("name", SERVICES)
async def test_a_database_that_takes_no_writes_and_does_again(name: str, kind: str, sqlite_backend: Backend) -> None:
    async with service_of(name, sqlite_backend) as harness:
        harness.may_fail = True
        refusing = Refusing(harness)
        refusing.now = kind
        reasons: dict[str, str] = {}
        async with asyncio.timeout(60):
            # A small write that goes through on a disk that is nearly full ends the reason two seconds later.
            while "storage" not in reasons:
                with pytest.raises(DBAPIError) as caught:
                    await fill(harness)
                assert fault_of(caught.value) is (FULL if kind == "full" else READ_ONLY)
                answer = await harness.get("/readyz", as_=staff("administrator"))
                reasons = answer.json()["reasons"] if answer.json()["reasons"].get("storage") else {}
        assert answer.status_code == 503
        words = reasons["storage"]
        assert ("磁盘已满" if kind == "full" else "数据库只读") in words
        assert ("disk full" if kind == "full" else "database read-only") in words
        if kind == "read-only":  # then the smallest write is refused too
            await harness.until(lambda: {"worker", "relay", "audit"} <= set(harness.platform.failing), "the failures")
            down = harness.platform.failing
            await harness.until(lambda: all("read-only" in why for why in down.values()), "the plain cause")
        assert (await harness.get("/healthz")).status_code == 200
        refusing.now = None
        await fill(harness)
        await harness.until(
            lambda: not harness.platform.failing and not harness.platform.db.storage.reason, "the recovery"
        )
        assert (await harness.get("/readyz", as_=staff("administrator"))).status_code == 200


@pytest.mark.postgres
@pytest.mark.parametrize("name", SERVICES)
async def test_postgresql_read_only_and_writable_again(
    name: str, request: pytest.FixtureRequest, databases: Any, tmp_path: Any
) -> None:
    """As a failover leaves it: sessions that were opened while it was read-only stay so, and must not be kept."""
    server = request.getfixturevalue("postgres_databases")
    backend = Backend("postgres", databases, tmp_path, server)
    try:
        async with service_of(name, backend) as harness:
            harness.may_fail = True
            database = str(harness.platform.db.url.database)
            set_read_only(server, database, on=True)
            await harness.until(lambda: {"worker", "relay", "audit"} <= set(harness.platform.failing), "the failures")
            await harness.until(lambda: "read-only" in str(harness.platform.db.storage.reason), "the cause")
            answer = await harness.get("/readyz", as_=staff("administrator"))
            assert answer.status_code == 503
            assert "database read-only" in answer.json()["reasons"]["storage"]
            set_read_only(server, database, on=False, end_sessions=False)
            await harness.until(
                lambda: not harness.platform.failing and not harness.platform.db.storage.reason, "the recovery"
            )
            assert (await harness.get("/readyz", as_=staff("administrator"))).status_code == 200
    finally:
        backend.close()


def set_read_only(server: Any, database: str, *, on: bool, end_sessions: bool = True) -> None:
    async def change() -> None:
        connection = await asyncpg.connect(server.url())
        try:
            await connection.execute(
                f'ALTER DATABASE "{database}" SET default_transaction_read_only = {"on" if on else "off"}'
            )
            if end_sessions:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database
                )
        finally:
            await connection.close()

    apart(change())


async def test_a_capture_job_does_not_pay_for_a_full_disk(
    sqlite_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the disk refuses it: its attempts are those that were its own fault."""
    from services.traceability.epcis import jobs

    real, refusals = jobs.capture, 5
    monkeypatch.setattr(jobs, "MAX_CONFLICTS", 2)
    monkeypatch.setattr(jobs, "MAX_ATTEMPTS", 2)

    async def capture(*arguments: Any, **options: Any) -> Any:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise DBAPIError("INSERT", {}, full())
        return await real(*arguments, **options)

    monkeypatch.setattr(jobs, "capture", capture)
    async with service_of("traceability", sqlite_backend) as traceability:
        traceability.may_fail = True
        body = document(1, 1)
        body["epcisBody"]["eventList"][0]["eventTime"] = NOW.isoformat()
        unit = department(*ENFORCEMENT.scopes)
        assert (await traceability.post("/epcis/capture", json=body, as_=unit)).status_code == 202
        await traceability.until(lambda: traceability.rows("SELECT state FROM capture") == [("done",)], "the job")
        assert traceability.rows("SELECT success, stored FROM capture") == [(1, 1)]
    assert refusals == 0
