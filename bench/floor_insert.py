"""The floor of an intake: the rows that the product writes for one violation, inserted by bare asyncpg.

    python -m bench.floor_insert SAMPLE_URL TARGET_URL BATCH SECONDS      -> rows of `violation` per second

Also the building block of the single-request floor in `bench/floors.py`.
"""

import asyncio
import itertools
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

_numbers = itertools.count(time.time_ns())
"""Never the same twice, also over several runs into one database."""


def _new_id() -> str:
    return str(uuid.uuid4())


FRESH: dict[str, dict[str, Callable[[], Any]]] = {
    "violation": {"violation_id": _new_id, "natural_key": _new_id, "external_key": _new_id},
    "outbox": {"event_id": _new_id, "sequence": lambda: next(_numbers)},
}
"""The tables that hold a violation and its event, and the columns that must differ from row to row."""
GENERATED = {"position"}


@dataclass(frozen=True)
class Copier:
    """Makes rows like a sample row of one table."""

    table: str
    columns: list[str]
    types: list[str]
    sample: dict[str, Any]

    @property
    def unnest(self) -> str:
        names = ", ".join(f'"{column}"' for column in self.columns)
        arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(self.types, 1))
        return f"INSERT INTO {self.table} ({names}) SELECT * FROM unnest({arrays})"

    @property
    def values(self) -> str:
        names = ", ".join(f'"{column}"' for column in self.columns)
        places = ", ".join(f"${number}" for number in range(1, len(self.columns) + 1))
        return f"INSERT INTO {self.table} ({names}) VALUES ({places})"

    def row(self) -> list[Any]:
        fresh = FRESH[self.table]
        return [fresh[name]() if name in fresh else self.sample[name] for name in self.columns]

    def arrays(self, count: int) -> list[list[Any]]:
        rows = [self.row() for _ in range(count)]
        return [list(column) for column in zip(*rows, strict=True)]


async def copiers(sample_url: str) -> list[Copier]:
    """One for each table, from the rows that the product wrote."""
    connection: Any = await asyncpg.connect(sample_url)
    try:
        found = []
        for table in FRESH:
            columns = await connection.fetch(
                "SELECT attname AS name, format_type(atttypid, NULL) AS kind FROM pg_attribute "
                "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                table,
            )
            sample = await connection.fetchrow(f"SELECT * FROM {table} LIMIT 1")
            kept = [column for column in columns if column["name"] not in GENERATED]
            names, kinds = [column["name"] for column in kept], [column["kind"] for column in kept]
            found.append(Copier(table, names, kinds, dict(sample)))
        return found
    finally:
        await connection.close()


async def measure(sample_url: str, target_url: str, batch: int, seconds: float) -> float:
    makers = await copiers(sample_url)
    connection: Any = await asyncpg.connect(target_url)
    try:
        statements = [(maker, await connection.prepare(maker.unnest)) for maker in makers]
        rows, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            async with connection.transaction():
                for maker, statement in statements:
                    await statement.fetch(*maker.arrays(batch))
            rows += batch
        return rows / (time.perf_counter() - begun)
    finally:
        await connection.close()


if __name__ == "__main__":
    print(asyncio.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
