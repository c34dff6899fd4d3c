"""Appends to the outbox. `sequence` is gap-free for each key: taken under a row lock that is held until commit, so the
order of numbers is the order of commits, and no number is lost but by rollback (which gives it back).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from shared.db import tables
from shared.db.session import AsyncSession
from shared.db.sql import dialect_of, insert_rows

Rows = Sequence[Mapping[str, Any]]
"""`event_id`, `key`, `type`, `headers`, `data` of each event, in the order in which they were published."""
_CHUNK = 400

# Locks are taken in the order of the keys. The positions are drawn after them, in the order of the rows.
_APPEND = """
WITH taken AS (
  INSERT INTO outbox_sequence AS s (key, last)
  SELECT * FROM unnest($1::text[], $2::bigint[]) ORDER BY 1
  ON CONFLICT (key) DO UPDATE SET last = s.last + excluded.last RETURNING key, last
)
INSERT INTO outbox (event_id, topic, key, sequence, type, headers, data, created_at)
SELECT r.event_id, $3::text, r.key, taken.last - r.following, r.type, r.headers, r.data, $4::timestamptz
FROM unnest($5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bytea[])
  WITH ORDINALITY AS r (event_id, key, following, type, headers, data, number)
JOIN taken ON taken.key = r.key ORDER BY r.number
"""


async def append(session: AsyncSession, topic: str, rows: Rows, now: datetime) -> None:
    """Number the events and store them."""
    counts = Counter(row["key"] for row in rows)
    if dialect_of(session) == "postgresql":
        await _append(session, topic, rows, counts, now)
        return
    following = await _take(session, counts)
    numbered = []
    for row in rows:
        key = row["key"]
        numbered.append({**row, "topic": topic, "sequence": following[key], "created_at": now, "published_at": None})
        following[key] += 1
    await insert_rows(session, tables.outbox, numbered)


async def _append(session: AsyncSession, topic: str, rows: Rows, counts: Counter[str], now: datetime) -> None:
    keys, left, following = sorted(counts), counts.copy(), []
    for row in rows:
        left[row["key"]] -= 1
        following.append(left[row["key"]])
    columns = {name: [row[name] for row in rows] for name in ("event_id", "key", "type", "headers", "data")}
    connection = await session.connection()
    await connection.exec_driver_sql(
        _APPEND,
        (
            keys,
            [counts[key] for key in keys],
            topic,
            now,
            columns["event_id"],
            columns["key"],
            following,
            columns["type"],
            columns["headers"],
            columns["data"],
        ),
    )


async def _take(session: AsyncSession, counts: Counter[str]) -> dict[str, int]:
    """Take `counts[key]` numbers for each key; the first number taken is returned for each."""
    keys = sorted(counts)
    first: dict[str, int] = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        values = ", ".join(f"(:k{i}, :n{i})" for i in range(len(chunk)))
        parameters: dict[str, Any] = {f"k{i}": key for i, key in enumerate(chunk)}
        parameters |= {f"n{i}": counts[key] for i, key in enumerate(chunk)}
        result = await session.execute(
            text(
                f"INSERT INTO outbox_sequence (key, last) VALUES {values} "  # noqa: S608 - placeholders only
                "ON CONFLICT (key) DO UPDATE SET last = outbox_sequence.last + excluded.last RETURNING key, last"
            ),
            parameters,
        )
        first |= {key: last - counts[key] + 1 for key, last in result}
    return first
