"""What the platform does with PostgreSQL by itself, and the bare statement beside it; each is one process.

python -m bench.database_pair retain|bare-delete|read|write OPTIONS(JSON)

Prints one JSON line: `{"seconds": ...}` of the whole work.
"""

import asyncio
import json
import sys
import time
from typing import Any

import asyncpg

from bench.bus_pair import CREDIT, event
from shared import retention
from shared.platform import Platform
from shared.settings import ServiceSettings

_FILL = (
    "INSERT INTO outbox (event_id, topic, key, sequence, type, headers, data, created_at, published_at) "
    "SELECT 'e' || i, 'pinzhi.credit', 'K' || i, 1, 'pinzhi.credit.violation.recorded.v1', '{}', "
    "convert_to(repeat('x', 1000), 'UTF8'), now() - interval '1 day', now() - interval '1 day' "
    "FROM generate_series(1, $1::int) i"
)
_AT_ONCE = 8


def _platform(options: dict[str, Any]) -> Platform:
    return CREDIT.platform(ServiceSettings(database_url=options["database"], bus_url="memory:"))


async def fill(options: dict[str, Any]) -> Any:
    connection: Any = await asyncpg.connect(options["database"])
    await connection.execute(_FILL, options["count"])
    await connection.execute("CHECKPOINT")
    return connection


async def retain(options: dict[str, Any]) -> dict[str, Any]:
    """Delete published rows as the service does, without the rests between two steps."""
    await (await fill(options)).close()
    credit = _platform(options)
    started = time.perf_counter()
    gone = await retention.sweep(credit, retention.expiring(credit)[0], rest=0)
    seconds = time.perf_counter() - started
    assert gone == options["count"]
    await credit.db.close()
    return {"seconds": seconds}


async def bare_delete(options: dict[str, Any]) -> dict[str, Any]:
    """The same rows by one DELETE of a range."""
    connection = await fill(options)
    started = time.perf_counter()
    await connection.execute("DELETE FROM outbox WHERE position <= $1", options["count"])
    seconds = time.perf_counter() - started
    await connection.close()
    return {"seconds": seconds}


async def read(options: dict[str, Any]) -> dict[str, Any]:
    """Hot reads of one row by its key, eight at a time."""
    await (await fill(options | {"database": options["direct"], "count": 10_000})).close()
    credit = _platform(options)

    async def some(start: int) -> None:
        for number in range(start, options["count"], _AT_ONCE):
            await credit.db.fetch("SELECT data FROM outbox WHERE position = $1", 1 + number % 10_000)

    seconds = await _all(some)
    await credit.db.close()
    return {"seconds": seconds}


async def write(options: dict[str, Any]) -> dict[str, Any]:
    """Transactions that publish one event each, eight at a time."""
    credit = _platform(options)

    async def some(start: int) -> None:
        for number in range(start, options["count"], _AT_ONCE):
            async with credit.system_unit_of_work() as uow:
                uow.publish(event(number))

    seconds = await _all(some)
    await credit.db.close()
    return {"seconds": seconds}


async def _all(some: Any) -> float:
    started = time.perf_counter()
    await asyncio.gather(*(some(start) for start in range(_AT_ONCE)))
    return time.perf_counter() - started


ROLES = {"retain": retain, "bare-delete": bare_delete, "read": read, "write": write}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(ROLES[sys.argv[1]](json.loads(sys.argv[2])))))
