"""Every query on recalls."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select, tuple_

from services.gateway.projection import Row
from services.gateway.recalls.models import RecallRow
from shared.db import AsyncSession
from shared.db.sql import upsert

_recall = RecallRow.__table__  # type: ignore[attr-defined]


async def get_many(session: AsyncSession, recall_ids: Iterable[str]) -> dict[str, Row]:
    query = select(_recall.c.recall_id, _recall.c.body).where(_recall.c.recall_id.in_(sorted(set(recall_ids))))
    return {recall_id: body for recall_id, body in await session.execute(query)}


async def get(session: AsyncSession, recall_id: str) -> tuple[Row, str] | None:
    """The body and the time of the newest event."""
    query = select(_recall.c.body, _recall.c.changed_at).where(_recall.c.recall_id == recall_id)
    row = (await session.execute(query)).first()
    return (row[0], row[1]) if row else None


async def save(session: AsyncSession, rows: Sequence[Row]) -> None:
    await upsert(session, RecallRow, rows, key=["recall_id"])


async def count_open(session: AsyncSession) -> int:
    query = select(func.count()).select_from(_recall).where(_recall.c.state == "open")
    return int((await session.execute(query)).scalar_one())


async def page(
    session: AsyncSession, *, state: str, q: str | None, limit: int, after: tuple[Any, ...] | None
) -> tuple[list[Row], int, str | None]:
    """Newest first, one more than `limit` when there is a next page; how many in all; time of the newest event.

    Every word of `q` must stand in the number, the party, a product, a lot, a GTIN or the reason.
    """
    where: list[Any] = [] if state == "all" else [_recall.c.state == state]
    where += [_recall.c.words.contains(word, autoescape=True) for word in (q or "").lower().split()]
    counted = select(func.count(), func.max(_recall.c.changed_at)).select_from(_recall).where(*where)
    total, changed_at = (await session.execute(counted)).one()
    if after is not None:
        where.append(tuple_(_recall.c.opened_at, _recall.c.recall_id) < after)
    query = (
        select(_recall.c.body)
        .where(*where)
        .order_by(_recall.c.opened_at.desc(), _recall.c.recall_id.desc())
        .limit(limit + 1)
    )
    return [body for (body,) in await session.execute(query)], total, changed_at
