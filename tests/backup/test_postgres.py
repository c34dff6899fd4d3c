"""Copies of PostgreSQL: consumers wait for the moment, writers do not; rows and sequences come back as they were."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from shared.db import AsyncSession, Database, quiet
from shared.db.copies import Busy, PostgresCopy, load
from shared.db.migrate import upgrade
from tests.backup.conftest import AT
from tests.support.databases import Databases

pytestmark = pytest.mark.postgres
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture
def credit(postgres_databases: Postgres, databases: Databases, tmp_path: Path) -> Iterator[str]:
    url = databases.fresh("credit", tmp_path / "unused.db", postgres_databases)
    yield url
    databases.drop(url, postgres_databases)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def write(connection: Any, number: int) -> None:
    await connection.execute(
        "INSERT INTO outbox (event_id, topic, key, sequence, type, headers, data, created_at) "
        f"VALUES ('e{number}', 't', 'K', {number}, 't', '{{}}', '\\x00ff'::bytea, '{AT}+00')"
    )


async def test_consumers_wait_and_writers_do_not(credit: str, tmp_path: Path) -> None:
    copy, database = PostgresCopy(credit), Database(credit)
    applied = asyncio.Event()

    async def consume() -> None:
        async with database.writer.begin() as connection:
            await quiet.share(AsyncSession(connection))
        applied.set()

    async with connected(credit) as writer:
        await write(writer, 1)
        await copy.hold()
        waiting = asyncio.create_task(consume())
        await write(writer, 2)  # nobody stops it
        await copy.pin()
        await write(writer, 3)
        assert not applied.is_set()
        await copy.release()
        await asyncio.wait_for(waiting, 20)
        await write(writer, 4)
        assert await copy.rows("SELECT max(sequence) FROM outbox") == [(2,)]
        counts = await copy.write(tmp_path)
        assert counts["outbox"] == 2
    await copy.close()
    await database.close()


async def test_a_holder_that_dies_stops_nobody(credit: str) -> None:
    first = PostgresCopy(credit)
    await first.hold()
    async with connected(credit) as other:
        assert await other.fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", quiet.NUMBER) is False
        killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1"
        assert await other.fetchval(killed, quiet.NUMBER) == 1  # as the kernel closes the sockets of a killed process
        async with asyncio.timeout(20):
            while not await other.fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", quiet.NUMBER):
                await asyncio.sleep(0.01)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the driver says of the closed connection
        await first._holder.exec_driver_sql("SELECT 1")  # type: ignore[union-attr]


async def test_a_consumer_that_does_not_end_is_told(credit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.db.copies._HOLD_SECONDS", 1)
    copy = PostgresCopy(credit)
    async with connected(credit) as consumer, consumer.transaction():
        await consumer.execute("SELECT pg_advisory_xact_lock_shared($1)", quiet.NUMBER)
        with pytest.raises(Busy):
            await copy.hold()
    await copy.close()


async def test_rows_and_sequences_come_back(
    credit: str, postgres_databases: Postgres, databases: Databases, tmp_path: Path
) -> None:
    async with connected(credit) as writer:
        for number in range(1, 6):
            await write(writer, number)
        await writer.execute("DELETE FROM outbox WHERE sequence = 5")
        await writer.execute(f"INSERT INTO inbox VALUES ('credit', 'gateway', '烟台', 7, '{AT}+00')")
    copy = PostgresCopy(credit)
    await copy.pin()
    counts = await copy.write(tmp_path)
    await copy.close()
    name = databases.name("restored")
    await postgres_databases.create(name)
    url = postgres_databases.url(name)
    try:
        await asyncio.to_thread(upgrade, "credit", url)
        await load(url, tmp_path, counts, say=lambda _table: None)
        async with connected(url) as there, connected(credit) as here:
            for (table,) in await here.fetch(_TABLES):
                rows = f'SELECT * FROM "{table}" ORDER BY 1'
                assert list(map(tuple, await there.fetch(rows))) == list(map(tuple, await here.fetch(rows))), table
            await write(there, 6)
            positions = [row["position"] for row in await there.fetch("SELECT position FROM outbox ORDER BY position")]
            assert len(set(positions)) == 5
        with pytest.raises(ValueError, match="outbox"):
            await load(url, tmp_path, counts | {"outbox": 99}, say=lambda _table: None)
        with pytest.raises(ValueError, match="no_such_table"):
            await load(url, tmp_path, counts | {"no_such_table": 1}, say=lambda _table: None)
        async with connected(url) as there:
            assert await there.fetchval("SELECT count(*) FROM outbox") == 5  # all or nothing
    finally:
        await postgres_databases.drop(name)
