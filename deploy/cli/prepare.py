"""Brings databases up to date and adds the demo accounts; a process of its own, run only when something is behind.

`python -m deploy.cli.prepare [--demo] [SERVICE]`, configured by the environment that `pinzhi up` gives it, or for one
service by that of its container (`pinzhi serve --prepare`).
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy import topology
from deploy.cli import database
from deploy.cli.errors import CliError, check_files, told_in_one_line
from shared.db.address import Address, is_postgres
from shared.db.migrate import head, sqlite_is_current, upgrade
from shared.db.reasons import reason
from shared.settings import ServiceSettings

_WAIT_SECONDS = 60.0
TOLD = 2
"""The exit code of a process that has told the reason in one line."""


def is_needed(data_dir: Path, *, demo: bool) -> bool:
    """Whether a SQLite data directory is behind. Reads the files and imports nothing heavy."""
    paths = {service.name: data_dir / f"{service.database}.db" for service in topology.SERVICES}
    if not all(sqlite_is_current(name, path) for name, path in paths.items()):
        return True
    if not demo:
        return False
    connection = sqlite3.connect(f"file:{paths['gateway']}?mode=ro", uri=True)
    try:
        (count,) = connection.execute("SELECT count(*) FROM client WHERE demo").fetchone()
    finally:
        connection.close()
    return bool(count == 0)


def prepare_one(service: topology.Service, settings: ServiceSettings) -> None:
    """Before one service is served from this process: its schema and, in demo mode, the gateway's demo accounts.

    Waits a minute for a PostgreSQL that does not answer yet: after a restart of the machine all containers start at
    once. Raises CliError.
    """
    demo = settings.demo and service.name == "gateway"
    url = settings.resolved_database_url(service.name)
    if is_postgres(url):
        ready = asyncio.run(_wait_for(service, url, demo=demo))
    else:
        path = Path(url.removeprefix("sqlite:///"))
        check_files([(service.name, path)])
        ready = sqlite_is_current(service.name, path) and not demo
    if ready:
        return
    command = [sys.executable, "-m", "deploy.cli.prepare", *(["--demo"] if demo else []), service.name]
    code = subprocess.run(command, check=False).returncode
    if code == TOLD:
        raise SystemExit(TOLD)
    if code:
        raise CliError(f"the database of {service.name} could not be prepared; the lines above tell why")


async def _wait_for(service: topology.Service, url: str, *, demo: bool) -> bool:
    """Whether the database is current, once it answers."""
    import ssl

    import asyncpg

    address = database.address_of(url)
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return await _is_current(service, address, demo=demo)
        except (asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, OSError) as error:
            lasting = isinstance(error, ssl.SSLError | FileNotFoundError | PermissionError)
            if lasting or time.monotonic() > deadline:
                raise CliError(f"the database of {service.name} does not answer: {reason(address, error)}") from error
            print(f"{service.name}: waiting for the database ({reason(address, error)}) ...", flush=True)
        except (asyncpg.PostgresError, ValueError) as error:
            raise CliError(f"the database of {service.name} cannot be used: {reason(address, error)}") from error
        await asyncio.sleep(1)


async def _is_current(service: topology.Service, address: Address, *, demo: bool) -> bool:
    connection = await address.connect()
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return False
        if await connection.fetchval("SELECT version_num FROM alembic_version") != head(service.name):
            return False
        return not demo or bool(await connection.fetchval("SELECT count(*) FROM client WHERE demo"))
    finally:
        await connection.close()


async def create_databases(base: str) -> None:
    """Create those of the four databases that are not there yet (the account needs CREATEDB for it).

    Where the account may not look into `postgres`, or a pooler does not know it, the databases must be there already.
    """
    import asyncpg

    first = database.of_server(base, "postgres")
    try:
        connection = await database.address_of(first, "PINZHI_POSTGRES").connect()
    except asyncpg.PostgresError:
        await (await database.address_of(database.of_server(base, topology.SERVICES[0].database)).connect()).close()
        return
    try:
        present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for service in topology.SERVICES:
            if service.database not in present:
                await connection.execute(f'CREATE DATABASE "{service.database}"')
    finally:
        await connection.close()


async def make_topics(bus_url: str) -> list[str]:
    """Create the topics of the topology on a Kafka, at most three copies of each. Their names."""
    return await make_these_topics(bus_url, topology.TOPICS)


async def make_these_topics(bus_url: str, topics: Sequence[topology.Topic]) -> list[str]:
    """Create those that are not there, under the installation's prefix. Their names."""
    from dataclasses import replace

    from deploy.topics import brokers, create_topics
    from shared.bus.kafka_access import KafkaAccess

    access = KafkaAccess.of(bus_url)
    named = [replace(topic, name=access.prefix + topic.name) for topic in topics]
    return await create_topics(access, named, replication=min(3, await brokers(access)))


def _is_guarded(bus_url: str) -> bool:
    """Then its operator makes the topics (`pinzhi topics create`): the services may not."""
    from shared.bus.kafka_access import KafkaAccess

    return KafkaAccess.of(bus_url).authenticates


def main() -> None:
    try:
        _main()
    except CliError as error:
        print(f"pinzhi: {error}", file=sys.stderr, flush=True)
        raise SystemExit(TOLD) from error


def _main() -> None:
    names = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if names:
        for name in names:
            _upgrade_one(topology.service(name))
    else:
        _upgrade_all()
    if "--demo" in sys.argv:
        print("  demo accounts ...", flush=True)
        from deploy.demo.accounts import add_all

        asyncio.run(add_all())


def _upgrade_one(service: topology.Service) -> None:
    from deploy.cli.serve import settings_of

    print(f"  database of {service.name} ...", flush=True)
    url = settings_of(service).resolved_database_url(service.name)
    with database.explained(url):
        upgrade(service.name, url)


def _upgrade_all() -> None:
    postgres, bus = os.environ.get("PINZHI_POSTGRES", ""), os.environ.get("PINZHI_BUS_URL", "")
    if postgres:
        with database.explained(database.of_server(postgres, topology.SERVICES[0].database)):
            asyncio.run(create_databases(postgres))
    if bus.startswith("kafka") and not _is_guarded(bus):
        print("  topics ...", flush=True)
        asyncio.run(make_topics(bus))
    for service in topology.SERVICES:
        print(f"  database of {service.name} ...", flush=True)
        url = database.of_service(service)
        with database.explained(url):
            upgrade(service.name, url)
    os.environ["PINZHI_DATABASE_URL"] = database.of_service(topology.service("gateway"))  # where the demo accounts go


if __name__ == "__main__":
    with told_in_one_line():
        main()
