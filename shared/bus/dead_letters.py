"""Dead letters, sequenced: an event that failed for good is parked, and later events of the same key behind it.

Other keys flow. A retry applies the failed one and then those behind it, in order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import and_, func, or_, select, update

from shared.bus.envelope import Envelope
from shared.bus.plan import Key
from shared.db import tables
from shared.db.session import AsyncSession
from shared.db.sql import insert_rows
from shared.ids import uuid7

WAITING = ("failed", "parked", "gap")
letters = tables.dead_letter


async def blocked_keys(
    session: AsyncSession, consumer: str, *, key: Key | None = None, states: Sequence[str] = WAITING
) -> set[Key]:
    """Keys with dead letters in these states (or `key`, if it has one); there are few, or an operator has work."""
    rows = await session.execute(
        select(letters.c.source, letters.c.key).where(*_of(consumer, key), letters.c.state.in_(states)).distinct()
    )
    return {(source, name) for source, name in rows}


def _of(consumer: str, key: Key | None) -> tuple[Any, ...]:
    own = letters.c.consumer == consumer
    return (own,) if key is None else (own, letters.c.source == key[0], letters.c.key == key[1])


async def park(
    session: AsyncSession, consumer: str, envelopes: Sequence[Envelope], state: str, error: str, now: datetime
) -> None:
    await insert_rows(
        session,
        letters,
        [
            {
                "id": uuid7(),
                "consumer": consumer,
                "source": envelope.source,
                "key": envelope.key,
                "sequence": envelope.sequence,
                "type": envelope.type,
                "headers": orjson.dumps(_headers(envelope)).decode(),
                "data": envelope.data,
                "state": state,
                "error": _storable(error),
                "attempts": 1 if state == "failed" else 0,
                "first_at": now,
                "last_at": now,
            }
            for envelope in envelopes
        ],
        ignore=True,
    )


def _storable(error: str) -> str:
    """An error may quote the event, and so a character that PostgreSQL has not."""
    return error.replace("\0", "\\0")[:4000]


def _headers(envelope: Envelope) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "time": envelope.time.isoformat(),
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
        "traceparent": envelope.traceparent,
    }


def to_envelope(row: Any) -> Envelope:
    headers = orjson.loads(row.headers)
    return Envelope(
        id=headers["id"],
        type=row.type,
        source=row.source,
        key=row.key,
        sequence=row.sequence,
        time=datetime.fromisoformat(headers["time"]),
        data=row.data,
        correlation_id=headers["correlation_id"],
        causation_id=headers["causation_id"],
        traceparent=headers["traceparent"],
    )


async def waiting(session: AsyncSession, consumer: str, key: Key, *, limit: int = 500) -> list[Any]:
    """The first waiting rows of a key, in order."""
    result = await session.execute(
        select(letters)
        .where(*_of(consumer, key), letters.c.state.in_(WAITING))
        .order_by(letters.c.sequence)
        .limit(limit)
    )
    return list(result.all())


async def set_state(
    session: AsyncSession, letter_id: str, state: str, now: datetime, *, error: str | None = None, tried: bool = False
) -> None:
    values: dict[str, Any] = {"state": state, "last_at": now}
    if error is not None:
        values["error"] = _storable(error)
    if tried:
        values["attempts"] = letters.c.attempts + 1
    await session.execute(update(letters).where(letters.c.id == letter_id).values(**values))


async def find(session: AsyncSession, letter_id: str) -> Any | None:
    return (await session.execute(select(letters).where(letters.c.id == letter_id))).first()


async def page(session: AsyncSession, *, state: str | None, after: tuple[Any, ...] | None, limit: int) -> list[Any]:
    """Newest first, by `(first_at, id)`; `after` is that of the last one that was given."""
    statement = select(letters).order_by(letters.c.first_at.desc(), letters.c.id.desc()).limit(limit)
    if state:
        statement = statement.where(letters.c.state == state)
    if after:
        at, letter_id = after
        statement = statement.where(
            or_(letters.c.first_at < at, and_(letters.c.first_at == at, letters.c.id < letter_id))
        )
    return list((await session.execute(statement)).all())


async def open_count(session: AsyncSession, consumer: str) -> int:
    result = await session.execute(
        select(func.count()).where(letters.c.consumer == consumer, letters.c.state.in_(WAITING))
    )
    return int(result.scalar_one())
