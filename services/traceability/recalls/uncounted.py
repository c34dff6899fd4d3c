"""Lots of recalls whose holders are not found yet (`recall_lot.counted`)."""

from collections.abc import Iterable, Sequence

from sqlalchemy import false, func, select, tuple_, update
from sqlmodel import col

from services.traceability.recalls.models import RecallLot
from shared.db import AsyncSession
from shared.db.sql import among, chunks

_WAITS = col(RecallLot.counted) == false()
"""`=` as the index has it: for `IS` SQLite would read all lots of all recalls at each look of the worker."""


async def first(session: AsyncSession, recall_id: str, limit: int) -> list[str]:
    statement = (
        select(col(RecallLot.lot_id))
        .where(col(RecallLot.recall_id) == recall_id, _WAITS)
        .order_by(col(RecallLot.position))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def behind(session: AsyncSession, place: tuple[str, int], limit: int) -> list[tuple[str, int, str]]:
    """Recall, position and id of lots whose holders are not found yet, in that order, behind such a place."""
    key = (col(RecallLot.recall_id), col(RecallLot.position))
    statement = select(*key, col(RecallLot.lot_id)).where(_WAITS, tuple_(*key) > place).order_by(*key).limit(limit)
    return [(recall_id, position, lot_id) for recall_id, position, lot_id in (await session.execute(statement)).all()]


async def still(session: AsyncSession, recall_id: str, lot_ids: Sequence[str]) -> list[str]:
    """Those of the lots that are."""
    statement = select(col(RecallLot.lot_id)).where(
        col(RecallLot.recall_id) == recall_id,
        among(session, col(RecallLot.lot_id), lot_ids),
        _WAITS,
    )
    return list((await session.execute(statement.order_by(col(RecallLot.position)))).scalars())


async def count(session: AsyncSession, recall_id: str) -> int:
    statement = select(func.count()).where(col(RecallLot.recall_id) == recall_id, _WAITS)
    return int((await session.execute(statement)).scalar_one())


async def set_counted(session: AsyncSession, recall_id: str, lot_ids: Iterable[str], value: bool) -> None:
    for chunk in chunks(lot_ids, 2_000):
        await session.execute(
            update(RecallLot)
            .where(col(RecallLot.recall_id) == recall_id, among(session, col(RecallLot.lot_id), chunk))
            .values(counted=value)
            .execution_options(synchronize_session=False)
        )
