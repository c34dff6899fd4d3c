"""Migrations: Alembic for each service, the same on SQLite and PostgreSQL.

Revisions are named `NNNN_<what>.py` with `revision = "NNNN"`, so that the newest can be told without importing Alembic.
"""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import MetaData
from sqlalchemy.engine import Connection, make_url

from shared.db.address import Address, is_postgres

ROOT = Path(__file__).resolve().parents[2] / "services"
_MIGRATION_LOCK = 7_046_937
"""Any number; advisory locks are numbers for each database."""


def head(service: str) -> str:
    """Newest revision of the service's scripts."""
    return revisions(service)[-1]


def revisions(service: str) -> list[str]:
    """All of them, the newest last."""
    versions = sorted((ROOT / service / "migrations" / "versions").glob("[0-9]*.py"))
    return [version.name.split("_")[0] for version in versions]


def sqlite_is_current(service: str, path: Path) -> bool:
    """Whether the file exists and has the newest schema; asks nothing but the file."""
    if not path.exists():
        return False
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return row is not None and row[0] == head(service)


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Blocking; must not run inside an event loop."""
    from alembic import command

    command.upgrade(_config(service, url), revision)


def make_revision(service: str, url: str, message: str, number: str) -> None:
    """Write a revision from the difference between the models and the database (for developers)."""
    from alembic import command

    command.revision(_config(service, url), message, autogenerate=True, rev_id=number)


def _config(service: str, url: str) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ROOT / service / "migrations"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = url
    return config


def run_env(metadata: MetaData) -> None:
    """The whole of a service's `env.py`."""
    from alembic import context

    address: str = context.config.attributes["url"]
    postgres = is_postgres(address)

    def migrate(connection: Connection) -> None:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=not postgres,
            compare_type=True,
            render_item=_render,
        )
        with context.begin_transaction():
            context.run_migrations()

    if not postgres:
        from sqlalchemy import create_engine

        url = make_url(address)
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url.set(drivername="sqlite"))
        with engine.connect() as connection:
            migrate(connection)
        engine.dispose()
        return
    asyncio.run(_migrate_postgres(address, migrate))


async def _migrate_postgres(url: str, migrate: Any) -> None:
    from sqlalchemy.pool import NullPool

    from shared.db.engine import postgres_engine

    engine = postgres_engine(Address.parse(url), poolclass=NullPool)
    async with engine.begin() as connection:
        # Several processes of one service may start at once: the later ones find the work done. The lock is that of
        # the transaction which migrates, so that it also holds where a pooler stands between.
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        await connection.run_sync(migrate)
    await engine.dispose()


def _render(kind: str, value: Any, autogen: Any) -> str | Literal[False]:
    """Write our column types by name into revisions."""
    if kind == "type" and type(value).__module__ == "shared.db.types":
        autogen.imports.add("from shared.db import types")
        arguments = f"{value.places}" if hasattr(value, "places") else ""
        return f"types.{type(value).__name__}({arguments})"
    if kind == "type" and type(value).__name__ == "AutoString":  # sqlmodel's own name for text
        return f"sa.String({value.length or ''})"
    return False
