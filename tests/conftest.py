"""Fixtures for all tests. The `backend` fixture runs a test on SQLite and on PostgreSQL."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from tests.support import parts
from tests.support.databases import Backend, Databases
from tests.support.kafka import kafka_address, kafka_server
from tests.support.postgres import postgres_server
from tests.support.secure_kafka import secure_city, secure_kafka

__all__ = ["kafka_address", "kafka_server", "postgres_server", "secure_city", "secure_kafka"]


def pytest_configure() -> None:
    """Collect less often: every test makes an app of thousands of objects, whose looking at was a tenth of the run."""
    gc.set_threshold(20_000, 20, 20)


def pytest_report_header() -> list[str]:
    return parts.report()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def postgres_databases(databases: Databases, postgres_server: Postgres) -> Iterator[Postgres]:
    """The server, whose templates are dropped at the end."""
    yield postgres_server
    databases.close(postgres_server)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Backend]:
    server = request.getfixturevalue("postgres_databases") if request.param == "postgres" else None
    yield from _backend(request.param, databases, tmp_path, server)


@pytest.fixture
def sqlite_backend(databases: Databases, tmp_path: Path) -> Iterator[Backend]:
    """For a test that says nothing new on PostgreSQL."""
    yield from _backend("sqlite", databases, tmp_path, None)


def _backend(kind: str, databases: Databases, folder: Path, server: Postgres | None) -> Iterator[Backend]:
    made = Backend("postgres" if kind == "postgres" else "sqlite", databases, folder, server)
    yield made
    made.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI a skipped test is a failed one: nothing may be left unproven because a part was missing."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report
