"""Closing a database ends a statement whose caller went away."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from shared.db import Database

SLOW = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000000) SELECT max(x) FROM n"


async def test_no_thread_outlives_the_database(tmp_path: Path) -> None:
    """Cancelled twice (a request that is dropped while the server stops), a statement would run for minutes in its
    thread, and the closing of its connection would wait for an answer of the thread that has ended."""
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")

    async def ask() -> None:
        async with database.write_session() as session:
            await session.execute(text(SLOW))

    asking = asyncio.create_task(ask())
    while not database._threads:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    threads = list(database._threads)
    assert threads
    await database.close()
    assert not any(thread.is_alive() for thread in threads)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), 10) is not None
