"""The cursor that answers a statement on one visit says the same as sqlite3's own, on any number of rows."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.db.sqlite_driver import Connection, connect

COUNTS = (0, 1, 499, 500, 501, 999, 1_000, 1_001, 2_600)
ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i, 'r' || i AS t FROM n"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Connection]:
    connection = connect(str(path), isolation_level=None)
    await connection
    try:
        yield connection
    finally:
        await connection.close()


def expected(count: int) -> list[tuple[int, str]]:
    return [(number, f"r{number}") for number in range(1, max(count, 1) + 1)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("size", [None, 1, 7, 500, 800])
async def test_all_rows_come_once_and_in_order(tmp_path: Path, count: int, size: int | None) -> None:
    async with opened(tmp_path / "a.db") as connection:
        cursor = await connection.cursor().execute(ROWS, (count,))
        found: list[Any] = []
        while size and (some := await cursor.fetchmany(size)):
            assert len(some) <= size
            found += some
        found += await cursor.fetchall()
        assert found == expected(count)
        assert await cursor.fetchone() is None
        assert [name for name, *_ in cursor.description] == ["i", "t"]
        await cursor.close()


async def test_what_a_change_says(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as connection:
        run = connection.cursor().execute
        await run("CREATE TABLE lot (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        many = await connection.cursor().executemany(
            "INSERT INTO lot (name) VALUES (?)", [(f"L{n}",) for n in range(5)]
        )
        assert (many.rowcount, many.description) == (5, None)
        made = await connection.cursor().execute("INSERT INTO lot (name) VALUES ('X')")
        assert (made.rowcount, made.lastrowid) == (1, 6)
        changed = await connection.cursor().execute("UPDATE lot SET name = name || '!' WHERE id < 4")
        assert changed.rowcount == 3
        told = await connection.cursor().execute("UPDATE lot SET name = name || '?' WHERE id > 3 RETURNING name")
        assert (await told.fetchall(), told.rowcount) == ([("L3?",), ("L4?",), ("X?",)], 3)


async def test_a_failure_is_sqlites_own_and_holds_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as connection:
        await connection.cursor().execute("CREATE TABLE lot (id INTEGER PRIMARY KEY)")
        with pytest.raises(sqlite3.OperationalError, match="no such table: lots"):
            await connection.cursor().execute("SELECT * FROM lots")
        with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: lot\.id"):
            await connection.cursor().executemany("INSERT INTO lot VALUES (?)", [(1,), (1,)])
        with sqlite3.connect(tmp_path / "a.db", timeout=0, isolation_level=None) as other:
            other.execute("INSERT INTO lot VALUES (7)")  # nobody's statement is under way


async def test_a_stream_that_is_left_lets_the_next_writer_in(tmp_path: Path) -> None:
    """Closed before its end, the statement is ended: a transaction could not be, and the file stays locked."""
    made = Database(f"sqlite:///{tmp_path / 'a.db'}")
    try:
        async with made.writer.begin() as connection:
            await connection.execute(text("CREATE TABLE lot (id INTEGER PRIMARY KEY)"))
            await connection.execute(text("INSERT INTO lot VALUES (:id)"), [{"id": number} for number in range(3_000)])
        seen = 0
        async with made.read() as session:
            result = await session.stream(text("SELECT id FROM lot ORDER BY id"))
            async for [number] in result:
                assert number == seen
                seen += 1
                if seen == 700:
                    break
            await result.close()
        async with made.writer.begin() as connection:
            await connection.execute(text("DROP TABLE lot"))  # refused while a statement reads from it
    finally:
        await made.close()
