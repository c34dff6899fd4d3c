"""Data for the benches: one row made by the product itself, then copied by one set-based statement."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg

from bench.frame import say


async def _clone(url: str, table: str, count: int, where: str, changed: Mapping[str, str]) -> int:
    connection: Any = await asyncpg.connect(url)
    try:
        columns = [
            record["column_name"]
            for record in await connection.fetch(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position",
                table,
            )
        ]
        unknown = set(changed) - set(columns)
        if not columns or unknown:
            raise RuntimeError(f"table {table} has no columns {sorted(unknown)}; it has {columns}")
        values = ", ".join(changed.get(column, f't."{column}"') for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        statement = (
            f"INSERT INTO {table} ({names}) SELECT {values} "
            f"FROM (SELECT * FROM {table} WHERE {where} LIMIT 1) AS t, generate_series(1, {count}) AS n"
        )
        done = await connection.execute(statement)
        await connection.execute(f"VACUUM (ANALYZE) {table}")
        return int(done.split()[-1])
    finally:
        await connection.close()


def clone(url: str, table: str, count: int, *, where: str, **changed: str) -> None:
    """Copy the row of `table` that `where` names `count` times.

    `changed` gives SQL expressions in `n` (1 to `count`) and `t` (the row) for the columns that differ; a column that
    the product does not have any more fails the case.
    """
    say(f"  seeding {table}: {count:,} rows ...")
    made = asyncio.run(_clone(url, table, count, where, changed))
    if made != count:
        raise RuntimeError(f"{made} rows of {table} were made, not {count}: the row to copy is not there")


async def _fetch(url: str, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
    connection: Any = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *parameters))
    finally:
        await connection.close()


def fetch(url: str, statement: str, *parameters: Any) -> list[Any]:
    return asyncio.run(_fetch(url, statement, parameters))
