"""How far a consumer has applied each key, read under locks."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, text

from shared.bus.plan import Key
from shared.db.session import AsyncSession
from shared.db.sql import dialect_of

# A join that asks the index once for each key: of `key = ANY(...) ORDER BY key` the planner made a walk through the
# whole inbox for each batch. The keys drive the join, so rows are locked in the order of the array.
_LOCK = text(
    "SELECT x.key, x.sequence FROM unnest(CAST(:keys AS text[])) AS k (key) CROSS JOIN LATERAL ("
    "SELECT i.key, i.sequence FROM inbox i "
    "WHERE i.consumer = :consumer AND i.source = :source AND i.key = k.key FOR UPDATE) AS x"
)
_FILE = text(
    "SELECT key, sequence FROM inbox WHERE consumer = :consumer AND source = :source AND key IN :keys"
).bindparams(bindparam("keys", expanding=True))


async def positions(session: AsyncSession, consumer: str, keys: Iterable[Key]) -> dict[Key, int]:
    """Inbox positions, locked, so that two members that hold a key for a moment apply it one after the other.

    One statement for each source: PostgreSQL takes the keys as one array, SQLite (where BEGIN IMMEDIATE has locked the
    whole file) as many parameters.
    """
    by_source: dict[str, list[str]] = defaultdict(list)
    for source, key in sorted(keys):
        by_source[source].append(key)
    statement = _FILE if dialect_of(session) == "sqlite" else _LOCK
    found: dict[Key, int] = {}
    for source, names in by_source.items():
        parameters: dict[str, Any] = {"consumer": consumer, "source": source, "keys": names}
        rows = await session.execute(statement, parameters)
        found |= {(source, key): sequence for key, sequence in rows}
    return found
