"""Copies of one service's database as of one moment, and their way back. Several are made to fit together by holding
all of them at once (`hold`), looking at each (`pin`), and letting go (`release`): what takes long, the copying, comes
afterwards and stops nobody.

SQLite: the write lock of the file is held for the moment, the copy is a file. PostgreSQL: consumers are held by an
advisory lock, writes go on; the copy is one file of COPY rows for each table, and the schema is that of the revision.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import failpoints
from shared.db import quiet
from shared.db.engine import Database
from shared.one_thread import OneThread

_HOLD_SECONDS = 10
"""How long a holder waits for its turn."""
_IDLE_SECONDS = 60
"""After which PostgreSQL ends a holder of which nothing is heard (its machine is gone)."""


class Busy(Exception):
    """The moment did not come: a long transaction holds the database."""


class SqliteCopy:
    """Any SQLite file in WAL mode, the embedded log included. Blocking calls run in a thread."""

    def __init__(self, path: Path, *, name: str = "") -> None:
        """`name`: of the copy, when it is not that of the file."""
        self.path = path
        self._name = name or path.name
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._thread = OneThread("copy")

    async def hold(self) -> None:
        """Raises Busy, sqlite3.DatabaseError."""
        await self._thread.run(self._hold)

    def _hold(self) -> None:
        self._writer = _open(self.path)
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise Busy(f"{self.path.name}: {error}") from error
            raise

    async def pin(self) -> None:
        await self._thread.run(self._pin)

    def _pin(self) -> None:
        self._reader = _open(self.path)
        self._reader.execute("BEGIN")
        self._reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the first read is what pins

    async def release(self) -> None:
        await self._thread.run(self._release)

    def _release(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()  # nothing was written

    async def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Of the pinned moment."""
        assert self._reader is not None
        return await self._thread.run(lambda reader: reader.execute(sql, parameters).fetchall(), self._reader)

    async def write(self, folder: Path) -> dict[str, int]:
        """`<folder>/<name>`; rows of each table."""
        return await self._thread.run(self._write, folder / self._name)

    def _write(self, target: Path) -> dict[str, int]:
        assert self._reader is not None
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            self._reader.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            return row_counts(copy)

    async def close(self) -> None:
        await self._thread.end(self._close)

    def _close(self) -> None:
        self._release()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def _open(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_HOLD_SECONDS, isolation_level=None, check_same_thread=False)


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Table of a SQLite file -> its rows. Raises sqlite3.DatabaseError."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: _count(connection, name) for name in sorted(names) if not name.startswith("sqlite_")}


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - names of tables


class PostgresCopy:
    def __init__(self, url: str) -> None:
        self._database = Database(url, pool_size=2)
        self._holder: AsyncConnection | None = None
        self._reader: AsyncConnection | None = None

    async def hold(self) -> None:
        """Raises Busy, or what the driver raises for a server that cannot be reached."""
        self._holder = await self._database.writer.connect()
        await self._holder.execute(text(f"SET LOCAL lock_timeout = '{_HOLD_SECONDS}s'"))
        idle = text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
        await self._holder.execute(idle)
        try:
            await self._holder.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": quiet.NUMBER})
        except Exception as error:
            if getattr(getattr(error, "orig", None), "sqlstate", "") == "55P03":  # lock_not_available
                raise Busy(f"{self._database.url.database}: {_HOLD_SECONDS} s were not enough") from error
            raise

    async def pin(self) -> None:
        connection = await self._database.reader.connect()
        self._reader = await connection.execution_options(isolation_level="REPEATABLE READ")
        await self._reader.execute(text("SELECT count(*) FROM pg_class"))

    async def release(self) -> None:
        holder, self._holder = self._holder, None
        if holder is not None:
            await holder.close()

    async def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        assert self._reader is not None
        return [tuple(row) for row in await self._reader.execute(text(sql), parameters)]

    async def write(self, folder: Path) -> dict[str, int]:
        """`<folder>/<table>.copy`, one for each table; rows of each. The folder is there and empty."""
        assert self._reader is not None
        counts = {}
        for table in await _tables(self._reader):
            failpoints.hit("backup.table")
            done = await (await _driver(self._reader)).copy_from_table(
                table, output=str(folder / f"{table}.copy"), format="binary"
            )
            counts[table] = int(done.rpartition(" ")[2])
        return counts

    async def close(self) -> None:
        await self.release()
        reader, self._reader = self._reader, None
        if reader is not None:
            with suppress(Exception):
                await reader.close()
        await self._database.close()


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def _tables(connection: AsyncConnection) -> list[str]:
    found = await connection.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
    )
    return [name for (name,) in found]


_SEQUENCES = """
SELECT s.relname, t.relname, a.attname FROM pg_class s
JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') JOIN pg_class t ON t.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace
"""


async def load(url: str, folder: Path, counts: Mapping[str, int], *, say: Callable[[str], None]) -> None:
    """Put a PostgreSQL copy into a database that has the schema of its revision and whose rows do not matter. All of
    it or nothing. Raises ValueError when a table came back with another number of rows.
    """
    database = Database(url, pool_size=1)
    try:
        async with database.writer.begin() as connection:
            tables = await _tables(connection)
            missing = sorted(set(counts) ^ set(tables))
            if missing:
                raise ValueError(f"the schema has not the tables of the backup: {', '.join(missing)}")
            names = ", ".join(f'"{name}"' for name in tables)
            await connection.execute(text(f"TRUNCATE {names}"))
            driver = await _driver(connection)
            for table in await _by_references(connection, tables):
                done = await driver.copy_to_table(table, source=str(folder / f"{table}.copy"), format="binary")
                if int(done.rpartition(" ")[2]) != counts[table]:
                    raise ValueError(f"{table}: {done}, expected {counts[table]} rows")
                say(table)
            for sequence, table, column in (await connection.execute(text(_SEQUENCES))).all():
                await connection.execute(
                    text(f"""SELECT setval('"{sequence}"', coalesce(max("{column}"), 0) + 1, false) FROM "{table}" """)  # noqa: S608
                )
    finally:
        await database.close()


async def _by_references(connection: AsyncConnection, tables: list[str]) -> list[str]:
    """Tables after those that they refer to."""
    found = await connection.execute(
        text("SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'")
    )
    needs: dict[str, set[str]] = {name: set() for name in tables}
    for table, other in found:
        if table != other:
            needs[table.strip('"')].add(other.strip('"'))
    ordered: list[str] = []
    while needs:
        ready = sorted(name for name, others in needs.items() if others <= set(ordered)) or sorted(needs)
        ordered += ready
        needs = {name: others for name, others in needs.items() if name not in ready}
    return ordered
