"""How many rows of each table PostgreSQL reads for a piece of work, and tables of which it knows nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Literal

import asyncpg

from shared.platform import Platform

State = Literal["never analysed", "analysed while empty", "analysed with few rows"]
STATES: tuple[State, ...] = ("never analysed", "analysed while empty", "analysed with few rows")
"""What a first load, a restore and the first busy day of a small city find."""
_OWN = ("outbox", "lease", "hot_counter", "hot_invalidation", "audit_entry", "audit_batch", "idempotency")
"""Tables that background tasks read meanwhile."""


async def sql(platform: Platform, statement: str) -> list[Any]:
    """Run a statement on a connection of its own."""
    connection = await asyncpg.connect(platform.db.url.set(drivername="postgresql").render_as_string(False))
    try:
        rows: list[Any] = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def forget(platform: Platform) -> None:
    """No statistics from now on, as before the first autovacuum of a new database."""
    for (table,) in await sql(platform, "SELECT relname FROM pg_stat_user_tables"):
        await sql(platform, f'ALTER TABLE "{table}" SET (autovacuum_enabled = off)')


async def analyse(platform: Platform) -> None:
    await sql(platform, "VACUUM ANALYZE")


async def rows_read(
    platform: Platform, work: Callable[[], Awaitable[Any]], *, leave_out: Collection[str] = _OWN
) -> dict[str, int]:
    """Rows of each table that `work` made the server look at, in scans of tables and of indexes."""
    before = await _counters(platform)
    await work()
    after = await _counters(platform)
    return {table: read for table in after if table not in leave_out and (read := after[table] - before.get(table, 0))}


async def _counters(platform: Platform) -> dict[str, int]:
    # A backend tells its counts once a second, or when it is asked to: each of the pool is asked, side by side.
    ready = asyncio.Barrier(platform.db.pool_size)

    async def tell() -> None:
        async with platform.read() as session:
            connection = await session.connection()
            await connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
            await ready.wait()

    await asyncio.gather(*(tell() for _ in range(platform.db.pool_size)))
    found = await sql(
        platform,
        "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables",
    )
    return {table: int(count) for table, count in found}
