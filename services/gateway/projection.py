"""What all projection handlers share: rows locked before they are changed, the newest event time of a row."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from shared.bus import Received
from shared.db import AsyncSession
from shared.db.sql import insert_rows, table_of
from shared.db.types import utc_text

Row = dict[str, Any]


async def lock_rows(
    session: AsyncSession, model: type[SQLModel], key: str, wanted: Iterable[str], empty: Callable[[str], Row]
) -> dict[str, Row]:
    """The rows of the keys, made from `empty` where there are none, locked until commit in key order.

    Two members of a consumer group may change one row at the same time (a recall and a product of one enterprise have
    different keys), so a row is locked before it is read.
    """
    keys = sorted(set(wanted))
    if not keys:
        return {}
    await insert_rows(session, model, [empty(value) for value in keys], ignore=True)
    table = table_of(model)
    column = table.c[key]
    result = await session.execute(select(table).where(column.in_(keys)).order_by(column).with_for_update())
    return {row[key]: dict(row) for row in result.mappings()}


def event_time(event: Received[Any]) -> str:
    return utc_text(event.time)


def body_of(event: Received[Any]) -> Row:
    """The event's data as JSON values."""
    body: Row = event.data.model_dump(mode="json")
    return body
