"""Every query on recalls."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select, tuple_, update

from services.gateway.projection import Row
from services.gateway.recalls.models import RecallLotRow, RecallRow
from shared.db import AsyncSession
from shared.db.sql import among, insert_rows, table_of, upsert
from shared.turns import in_slices

_recall = table_of(RecallRow)
_lot = table_of(RecallLotRow)
MOST_PRODUCTS = 1_000


async def get_many(session: AsyncSession, recall_ids: Iterable[str]) -> dict[str, Row]:
    query = select(_recall.c.recall_id, _recall.c.body).where(_recall.c.recall_id.in_(sorted(set(recall_ids))))
    return {recall_id: body for recall_id, body in await session.execute(query)}


async def rows(session: AsyncSession, recall_ids: Iterable[str]) -> dict[str, Row]:
    query = select(_recall).where(_recall.c.recall_id.in_(sorted(set(recall_ids))))
    return {row["recall_id"]: dict(row) for row in (await session.execute(query)).mappings()}


async def get(session: AsyncSession, recall_id: str) -> Row | None:
    return (await rows(session, [recall_id])).get(recall_id)


async def save(session: AsyncSession, rows: Sequence[Row]) -> None:
    await upsert(session, RecallRow, rows, key=["recall_id"])


async def drop_lots(session: AsyncSession, recall_id: str, lot_ids: Sequence[str] | None = None) -> int:
    """Take the lots out of a recall (all of them where none are named); how many were there."""
    statement = delete(_lot).where(_lot.c.recall_id == recall_id)
    if lot_ids is not None:
        statement = statement.where(among(session, _lot.c.lot_id, lot_ids))
    return int((await session.execute(statement)).rowcount)


async def add_lots(session: AsyncSession, recall_id: str, lots: Sequence[Row], *, after: int, in_force: bool) -> int:
    """Put those of the lots that are not there yet behind the position `after`; how many."""
    named = {lot["lot_id"]: lot for lot in lots}
    there = select(_lot.c.lot_id).where(_lot.c.recall_id == recall_id, among(session, _lot.c.lot_id, named))
    for lot_id in (await session.execute(there)).scalars():
        del named[lot_id]
    made = [
        {
            "recall_id": recall_id,
            "lot_id": lot["lot_id"],
            "position": position,
            "gtin": lot["gtin"],
            "lot": lot["lot"],
            "product_name": lot["product_name"],
            "in_force": in_force,
        }
        for position, lot in enumerate(named.values(), after + 1)
    ]
    async for some in in_slices(made, 500):
        await insert_rows(session, RecallLotRow, some)
    return len(made)


async def set_in_force(session: AsyncSession, recall_id: str, value: bool) -> None:
    await session.execute(
        update(_lot).where(_lot.c.recall_id == recall_id, _lot.c.in_force.is_(not value)).values(in_force=value)
    )


async def gtins(session: AsyncSession, recall_id: str) -> list[str]:
    """Products of a recall; one more than `MOST_PRODUCTS` at most."""
    query = select(_lot.c.gtin).where(_lot.c.recall_id == recall_id).distinct().limit(MOST_PRODUCTS + 1)
    return list((await session.execute(query)).scalars())


async def lots_page(session: AsyncSession, recall_id: str, *, after: int, limit: int) -> list[Row]:
    query = (
        select(_lot.c.position, _lot.c.lot_id, _lot.c.gtin, _lot.c.lot, _lot.c.product_name)
        .where(_lot.c.recall_id == recall_id, _lot.c.position > after)
        .order_by(_lot.c.position)
        .limit(limit)
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def count_by_product(session: AsyncSession, recall_ids: Sequence[str], gtins: Iterable[str]) -> dict[str, int]:
    """In how many of the recalls each product stands."""
    query = (
        select(_lot.c.gtin, func.count(_lot.c.recall_id.distinct()))
        .where(_lot.c.recall_id.in_(recall_ids), _lot.c.gtin.in_(sorted(gtins)))
        .group_by(_lot.c.gtin)
    )
    return {gtin: count for gtin, count in await session.execute(query)}


async def count_open(session: AsyncSession) -> int:
    query = select(func.count()).select_from(_recall).where(_recall.c.state == "open")
    return int((await session.execute(query)).scalar_one())


async def page(
    session: AsyncSession, *, state: str, q: str | None, limit: int, after: tuple[Any, ...] | None
) -> tuple[list[Row], int, str | None]:
    """Newest first, one more than `limit` when there is a next page; how many in all; time of the newest event.

    Every word of `q` must stand in the number, the party, a product, a lot, a GTIN or the reason; beyond the first lots
    of a recall a lot or GTIN is found when it is written out.
    """
    where: list[Any] = [] if state == "all" else [_recall.c.state == state]
    where += [_has(word) for word in (q or "").split()]
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


def _has(word: str) -> Any:
    named = select(_lot.c.recall_id).where(or_(_lot.c.lot == word, _lot.c.gtin == word))
    return or_(_recall.c.words.contains(word.lower(), autoescape=True), _recall.c.recall_id.in_(named))
