"""Brings databases up to date and adds the demo accounts; a process of its own, run only when something is behind.

`python -m deploy.cli.prepare [--demo]`, configured by the environment that `pinzhi up` gives it.
"""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from deploy import topology
from shared.db.migrate import sqlite_is_current, upgrade


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


def database_url(service: topology.Service) -> str:
    """The service's database under `PINZHI_POSTGRES` or its file under `PINZHI_DATA_DIR`."""
    base = os.environ.get("PINZHI_POSTGRES", "")
    if base:
        return f"{base.rstrip('/')}/{service.database}"
    return f"sqlite:///{Path(os.environ.get('PINZHI_DATA_DIR', 'var')) / service.database}.db"


async def create_databases(base: str) -> None:
    """Create those of the four databases that are not there yet (the account needs CREATEDB for it)."""
    import asyncpg

    connection = await asyncpg.connect(f"{base.rstrip('/')}/postgres", timeout=10)
    try:
        present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for service in topology.SERVICES:
            if service.database not in present:
                await connection.execute(f'CREATE DATABASE "{service.database}"')
    finally:
        await connection.close()


async def make_topics(bus_url: str) -> list[str]:
    """Create the topics of the topology on a Kafka, at most three copies of each. Their names."""
    from dataclasses import replace

    from deploy.topics import brokers, create_topics

    servers, _, prefix = bus_url.removeprefix("kafka://").partition("/")
    topics = [replace(topic, name=prefix + topic.name) for topic in topology.TOPICS]
    return await create_topics(servers, topics, replication=min(3, await brokers(servers)))


def main() -> None:
    postgres, bus = os.environ.get("PINZHI_POSTGRES", ""), os.environ.get("PINZHI_BUS_URL", "")
    if postgres:
        asyncio.run(create_databases(postgres))
    if bus.startswith("kafka://"):
        print("  topics ...", flush=True)
        asyncio.run(make_topics(bus))
    for service in topology.SERVICES:
        print(f"  database of {service.name} ...", flush=True)
        upgrade(service.name, database_url(service))
    if "--demo" in sys.argv:
        print("  demo accounts ...", flush=True)
        from deploy.demo.accounts import add_all

        os.environ["PINZHI_DATABASE_URL"] = database_url(topology.service("gateway"))
        asyncio.run(add_all())


if __name__ == "__main__":
    main()
