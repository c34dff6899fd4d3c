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


def main() -> None:
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
