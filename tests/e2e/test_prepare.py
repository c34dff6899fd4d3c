"""What a container does before it serves: its own schema, once, however many start together; the demo when asked."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator

import asyncpg
import pytest

from deploy import topology
from deploy.cli import prepare
from deploy.cli.errors import CliError
from deploy.cli.maintenance import services_here
from deploy.cli.serve import settings_of
from deploy.local.pinzhi import environment
from deploy.local.postgres import Postgres
from shared.db.migrate import head
from tests.support.databases import apart

GATEWAY = topology.service("gateway")


@pytest.fixture
def empty(postgres_databases: Postgres) -> Iterator[str]:
    """URL of a new database without tables."""
    name = "prepare_empty"
    apart(postgres_databases.create(name))
    yield postgres_databases.url(name)
    apart(postgres_databases.drop(name))


def ask(url: str, sql: str) -> object:
    async def inside() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(inside())


@pytest.mark.postgres
def test_processes_that_start_at_once_migrate_one_after_the_other(empty: str) -> None:
    command = [sys.executable, "-m", "deploy.cli.prepare", "gateway"]
    started = [
        subprocess.Popen(
            command, env=environment() | {"PINZHI_DATABASE_URL": empty}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], ended
    assert ask(empty, "SELECT version_num FROM alembic_version") == head("gateway")


@pytest.mark.postgres
def test_demo_accounts_come_with_the_demo_and_are_added_once(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINZHI_DATABASE_URL", empty)
    monkeypatch.setenv("PINZHI_DEMO", "false")
    prepare.prepare_one(GATEWAY, settings_of(GATEWAY))
    assert ask(empty, "SELECT version_num FROM alembic_version") == head("gateway")
    assert ask(empty, "SELECT count(*) FROM client") == 0
    monkeypatch.setenv("PINZHI_DEMO", "true")
    prepare.prepare_one(GATEWAY, settings_of(GATEWAY))
    count = ask(empty, "SELECT count(*) FROM client WHERE demo")
    assert isinstance(count, int)
    assert count > 0
    monkeypatch.setattr(prepare.subprocess, "run", None)  # whoever is current starts no further process
    prepare.prepare_one(GATEWAY, settings_of(GATEWAY))
    assert ask(empty, "SELECT count(*) FROM client") == count


def test_in_the_container_of_one_service_all_of_them_means_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PINZHI_DATABASE_URL", raising=False)
    assert services_here("") == topology.SERVICES
    monkeypatch.setenv("PINZHI_DATABASE_URL", "postgresql://pinzhi@postgres/credit")
    assert [service.name for service in services_here("")] == ["credit"]
    assert services_here("postgresql://pinzhi@postgres") == topology.SERVICES
    monkeypatch.setenv("PINZHI_DATABASE_URL", "postgresql://pinzhi@postgres/other")
    with pytest.raises(CliError, match="'other', which is no service's"):
        services_here("")


def test_a_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_WAIT_SECONDS", 0.0)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://pinzhi@127.0.0.1:{nobody.getsockname()[1]}/gateway"
        with pytest.raises(CliError, match="the database of gateway does not answer"):
            prepare.prepare_one(GATEWAY, settings_of(GATEWAY, database_url=url))
