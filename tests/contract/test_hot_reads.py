"""Driver-level reads keep their connections; what breaks or is dropped is not read with again."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.exc import OperationalError

from shared.db import Database
from tests.support.databases import Backend


async def test_reads_go_on_after_cancellation_errors_and_a_server_that_closed(backend: Backend) -> None:
    if backend.kind == "sqlite":
        return  # one connection in the calling thread
    url = backend.url("credit")
    database = Database(url)
    try:
        assert [row for rows in await _many(database) for row in rows] == [(n,) for n in range(50)]
        asking = asyncio.create_task(database.fetch("SELECT pg_sleep(30)"))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        with pytest.raises(OperationalError, match="UndefinedColumnError"):
            await database.fetch("SELECT nothing")
        other = await asyncpg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False))
        closed = await other.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        assert closed
        await asyncio.sleep(0.2)
        assert len(await _many(database)) == 50
    finally:
        await database.close()


async def _many(database: Database) -> list[list[tuple[int]]]:
    return list(await asyncio.gather(*(database.fetch("SELECT $1::int", number) for number in range(50))))  # type: ignore[arg-type]
