"""A fresh migrated database for every test: migrated once for each service and session, then copied."""

import asyncio
import contextlib
import itertools
import os
import shutil
import sqlite3
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import MetaData, NullPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.postgres import Postgres

T = TypeVar("T")
Kind = Literal["sqlite", "postgres"]


def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in an event loop and thread of its own, whatever loop the caller is in."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Onlooker:
    """Reads a PostgreSQL for a test on one connection in a loop and thread of its own: a test asks so often that a new
    connection for each question cost more than what it tests."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connection: Any = None

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one statement with `$1` parameters, in a transaction of its own."""
        return self._thread.submit(self._runner.run, self._fetch(sql, parameters)).result()

    async def _fetch(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        import asyncpg

        lost = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
        if self._connection is not None:
            with contextlib.suppress(*lost):  # a test ended it with the server or with all others
                return [tuple(row) for row in await self._connection.fetch(sql, *parameters)]
        # Without a cache: a test may change tables under it.
        self._connection = await asyncpg.connect(self._dsn, statement_cache_size=0)
        return [tuple(row) for row in await self._connection.fetch(sql, *parameters)]

    def close(self) -> None:
        if self._connection is not None:
            self._thread.submit(self._connection.terminate).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


class Databases:
    """Templates of one session. `fresh` gives the URL of a new database with the newest schema of a service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = itertools.count(1)
        self._templates: dict[tuple[Kind, str], str] = {}

    def fresh(self, service: str, target: Path, server: Postgres | None) -> str:
        """A copy for one test; `target` is where a SQLite file goes, `server` the PostgreSQL to use instead."""
        kind: Kind = "sqlite" if server is None else "postgres"
        template = self._templates.get((kind, service))
        if template is None:
            template = self._migrated(service, server)
            self._templates[kind, service] = template
        if server is None:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(template, target)
            return f"sqlite:///{target}"
        name = self.name(service)
        apart(server.create(name, template=template))
        return server.url(name)

    def drop(self, url: str, server: Postgres | None) -> None:
        if server is not None:
            apart(server.drop(url.rsplit("/", 1)[1]))

    def close(self, server: Postgres) -> None:
        """Drop the templates: the server may be somebody's own."""
        for (kind, _service), name in self._templates.items():
            if kind == "postgres":
                apart(server.drop(name))

    def name(self, service: str) -> str:
        return f"pinzhi_test_{os.getpid()}_{service}_{next(self._names)}"

    def _migrated(self, service: str, server: Postgres | None) -> str:
        from shared.db.migrate import upgrade

        if server is None:
            file = self.folder / f"{service}.db"
            upgrade(service, f"sqlite:///{file}")
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return str(file)
        name = self.name(service)
        apart(server.create(name))
        with ThreadPoolExecutor(1) as thread:
            thread.submit(upgrade, service, server.url(name)).result()
        return name


class Backend:
    """What the fixture `backend` gives: one kind of database for one test."""

    def __init__(self, kind: Kind, databases: Databases, folder: Path, server: Postgres | None) -> None:
        self.kind = kind
        self.folder = folder
        """The test's own data directory."""
        self._databases = databases
        self._server = server
        self._given: list[str] = []

    def url(self, service: str) -> str:
        """URL of a new migrated database of `service`."""
        suffix = f"-{len(self._given)}" if self._given else ""
        url = self._databases.fresh(service, self.folder / f"{service}{suffix}.db", self._server)
        self._given.append(url)
        return url

    def bare(self, metadata: MetaData) -> str:
        """URL of a new database with just these tables: for tests of shared/, which has no migrations of its own."""
        if self._server is None:
            url = f"sqlite:///{self.folder / f'bare-{len(self._given)}.db'}"
            self.folder.mkdir(parents=True, exist_ok=True)
        else:
            name = self._databases.name("bare")
            apart(self._server.create(name))
            url = self._server.url(name)
        self._given.append(url)
        apart(_create_all(url, metadata))
        return url

    def close(self) -> None:
        for url in self._given:
            self._databases.drop(url, self._server)


async def _create_all(url: str, metadata: MetaData) -> None:
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    made = make_url(url)
    engine = create_async_engine(made.set(drivername=drivers[made.get_backend_name()]), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
