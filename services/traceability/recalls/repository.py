"""Queries of recalls."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select, text, tuple_, update
from sqlmodel import col

from services.traceability.graph.models import Edge
from services.traceability.masterdata.models import Lot, Party, Product
from services.traceability.masterdata.supervision import supervised
from services.traceability.recalls.models import (
    Recall,
    RecallChange,
    RecallHolding,
    RecallLot,
    RecallNotice,
)
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.db.sql import among, chunks

MAX_HOPS = 6
"""How far a new event is followed back to a recalled lot: the event itself, a container, its container."""

UNREGISTERED = "没有登记的产品"
"""Name of a product that nobody had registered when its lot joined a recall."""

_IN_FORCE = or_(col(Recall.outcome).is_(None), col(Recall.outcome) != "revoked")


async def next_number(session: AsyncSession, year: int) -> int:
    """The next number of the year. Its row stays locked until commit, so a rollback leaves no gap."""
    result = await session.execute(
        text(
            "INSERT INTO recall_number (year, last) VALUES (:year, 1) "
            "ON CONFLICT (year) DO UPDATE SET last = recall_number.last + 1 RETURNING last"
        ),
        {"year": year},
    )
    return int(result.scalar_one())


async def get(session: AsyncSession, recall_id: str, *, lock: bool = False) -> Recall | None:
    """`lock`: until commit, so that two steps of one case come one after the other."""
    statement = select(Recall).where(col(Recall.recall_id) == recall_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Recall | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def lots_with_products(session: AsyncSession, lot_ids: Iterable[str]) -> dict[str, tuple[Lot, Product | None]]:
    found: dict[str, tuple[Lot, Product | None]] = {}
    for chunk in chunks(lot_ids):
        statement = (
            select(Lot, Product)
            .outerjoin(Product, col(Product.gtin) == col(Lot.gtin))
            .where(col(Lot.lot_id).in_(chunk))
        )
        found |= {lot.lot_id: (lot, product) for lot, product in (await session.execute(statement)).all()}
    return found


async def party(session: AsyncSession, uscc: str) -> Party | None:
    return await session.get(Party, uscc)


async def party_names(session: AsyncSession, usccs: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for chunk in chunks(usccs):
        statement = select(col(Party.uscc), col(Party.name)).where(col(Party.uscc).in_(chunk))
        found |= {uscc: name for uscc, name in (await session.execute(statement)).all()}
    return found


async def open_roots(session: AsyncSession, lot_ids: Iterable[str]) -> dict[str, Recall]:
    """Lots that are the root of an open recall, with it."""
    found: dict[str, Recall] = {}
    for chunk in chunks(lot_ids):
        statement = (
            select(col(RecallLot.lot_id), Recall)
            .join(Recall, col(Recall.recall_id) == col(RecallLot.recall_id))
            .where(col(RecallLot.lot_id).in_(chunk), col(RecallLot.open_root).is_(True))
        )
        found |= {lot_id: recall for lot_id, recall in (await session.execute(statement)).all()}
    return found


FIRST = 100
"""Lots that stand in an answer or an event of the whole case; more are read by page."""


async def first_lots(
    session: AsyncSession, recall_ids: Sequence[str], limit: int = FIRST
) -> dict[str, list[RecallLot]]:
    """The first lots of each recall: roots, then in the order in which they joined."""
    statement = (
        select(RecallLot)
        .where(among(session, col(RecallLot.recall_id), recall_ids), col(RecallLot.position) <= limit)
        .order_by(col(RecallLot.position))
    )
    found: dict[str, list[RecallLot]] = {recall_id: [] for recall_id in recall_ids}
    for row in (await session.execute(statement.execution_options(populate_existing=True))).scalars():
        found[row.recall_id].append(row)
    return found


async def open_of(session: AsyncSession, uscc: str) -> list[str]:
    statement = select(col(Recall.recall_id)).where(col(Recall.uscc) == uscc, col(Recall.state) == "open")
    return list((await session.execute(statement.order_by(col(Recall.recall_id)))).scalars())


async def lots_after(session: AsyncSession, recall_id: str, position: int, limit: int) -> list[RecallLot]:
    statement = (
        select(RecallLot)
        .where(col(RecallLot.recall_id) == recall_id, col(RecallLot.position) > position)
        .order_by(col(RecallLot.position))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def members_among(session: AsyncSession, recall_id: str, lot_ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(lot_ids, 2_000):
        statement = select(col(RecallLot.lot_id)).where(
            col(RecallLot.recall_id) == recall_id, among(session, col(RecallLot.lot_id), chunk)
        )
        found.update((await session.execute(statement)).scalars())
    return found


async def gtins(session: AsyncSession, recall_id: str) -> list[str]:
    statement = select(col(RecallLot.gtin)).where(col(RecallLot.recall_id) == recall_id).distinct()
    return list((await session.execute(statement)).scalars())


async def lot_ids(session: AsyncSession, recall_id: str, *, limit: int) -> list[str]:
    statement = select(col(RecallLot.lot_id)).where(col(RecallLot.recall_id) == recall_id).limit(limit)
    return list((await session.execute(statement)).scalars())


async def end_roots(session: AsyncSession, recall_id: str) -> None:
    await session.execute(
        update(RecallLot)
        .where(col(RecallLot.recall_id) == recall_id, col(RecallLot.open_root).is_(True))
        .values(open_root=False)
        .execution_options(synchronize_session=False)
    )


async def changes(session: AsyncSession, recall_id: str, limit: int) -> list[RecallChange]:
    """The newest ones, oldest first."""
    statement = (
        select(RecallChange)
        .where(col(RecallChange.recall_id) == recall_id)
        .order_by(col(RecallChange.change_id).desc())
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())[::-1]


async def drop_change(session: AsyncSession, recall_id: str, words: str) -> None:
    """Take a line out of the case, for a newer one with the same words."""
    await session.execute(
        delete(RecallChange).where(col(RecallChange.recall_id) == recall_id, col(RecallChange.text) == words)
    )


async def count_notices(session: AsyncSession, recall_id: str, *, claimed: bool) -> tuple[int, int]:
    """How many were sent and how many of them acknowledged. `claimed`: also to those whom nobody confirmed."""
    statement = select(func.count(), func.count(col(RecallNotice.acknowledged_at))).where(
        col(RecallNotice.recall_id) == recall_id
    )
    if not claimed:
        confirmed = select(col(RecallHolding.holder)).where(
            col(RecallHolding.recall_id) == recall_id, col(RecallHolding.confirmed).is_(True)
        )
        statement = statement.where(col(RecallNotice.holder).in_(confirmed))
    sent, acknowledged = (await session.execute(statement)).one()
    return sent, acknowledged


async def notices(session: AsyncSession, recall_id: str, holders: Iterable[str]) -> dict[str, RecallNotice]:
    statement = select(RecallNotice).where(
        col(RecallNotice.recall_id) == recall_id, among(session, col(RecallNotice.holder), sorted(set(holders)))
    )
    return {notice.holder: notice for notice in (await session.execute(statement)).scalars()}


async def notices_to(
    session: AsyncSession, holder: str, *, after: tuple[bool, str] | None, limit: int
) -> list[tuple[RecallNotice, Recall]]:
    """Notices to one holder: not acknowledged first, then newest first."""
    known = col(RecallNotice.acknowledged_at).is_not(None)
    statement = (
        select(RecallNotice, Recall)
        .join(Recall, col(Recall.recall_id) == col(RecallNotice.recall_id))
        .where(col(RecallNotice.holder) == holder)
    )
    if after is not None:
        acknowledged, recall_id = after
        here = and_(known if acknowledged else ~known, col(RecallNotice.recall_id) < recall_id)
        statement = statement.where(here if acknowledged else or_(known, here))
    statement = statement.order_by(known, col(RecallNotice.recall_id).desc()).limit(limit)
    return [(notice, recall) for notice, recall in (await session.execute(statement)).all()]


async def held_by(
    session: AsyncSession, holder: str, recall_ids: Sequence[str], limit: int = FIRST
) -> dict[str, tuple[list[str], int]]:
    """Of each recall the first lots of which the holder has some, and how many they are."""
    mine = (
        select(
            col(RecallHolding.recall_id),
            col(RecallHolding.lot_id),
            func.row_number()
            .over(partition_by=col(RecallHolding.recall_id), order_by=col(RecallHolding.lot_id))
            .label("number"),
            func.count().over(partition_by=col(RecallHolding.recall_id)).label("of"),
        )
        .where(col(RecallHolding.holder) == holder, among(session, col(RecallHolding.recall_id), recall_ids))
        .group_by(col(RecallHolding.recall_id), col(RecallHolding.lot_id))
        .subquery()
    )
    statement = select(mine).where(mine.c.number <= limit).order_by(mine.c.recall_id, mine.c.number)
    found: dict[str, tuple[list[str], int]] = {recall_id: ([], 0) for recall_id in recall_ids}
    for recall_id, lot_id, _, of in (await session.execute(statement)).all():
        found[recall_id] = ([*found[recall_id][0], lot_id], of)
    return found


async def holdings(
    session: AsyncSession,
    recall_id: str,
    *,
    holder: str | None,
    claimed: bool,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[RecallHolding]:
    """In the order of holder, lot and unit; of one holder, or of all. `claimed`: also what nobody confirmed."""
    key = (col(RecallHolding.holder), col(RecallHolding.lot_id), col(RecallHolding.uom))
    statement = select(RecallHolding).where(col(RecallHolding.recall_id) == recall_id)
    if holder is not None:
        statement = statement.where(col(RecallHolding.holder) == holder)
    if not claimed:
        statement = statement.where(col(RecallHolding.confirmed).is_(True))
    if after is not None:
        statement = statement.where(tuple_(*key) > after)
    statement = statement.order_by(*key).limit(limit)
    return list((await session.execute(statement.execution_options(populate_existing=True))).scalars())


async def told_of(session: AsyncSession, recall_id: str, lot_ids: Iterable[str]) -> set[tuple[str, str, str]]:
    """Holder, lot and unit of all that was ever said of the lots."""
    statement = select(col(RecallHolding.holder), col(RecallHolding.lot_id), col(RecallHolding.uom)).where(
        col(RecallHolding.recall_id) == recall_id, among(session, col(RecallHolding.lot_id), set(lot_ids))
    )
    return {(holder, lot_id, uom) for holder, lot_id, uom in (await session.execute(statement)).all()}


async def holding(session: AsyncSession, recall_id: str, holder: str, lot_id: str) -> list[RecallHolding]:
    """One row for each unit of measure."""
    statement = select(RecallHolding).where(
        col(RecallHolding.recall_id) == recall_id,
        col(RecallHolding.holder) == holder,
        col(RecallHolding.lot_id) == lot_id,
    )
    return list((await session.execute(statement)).scalars())


async def is_outside(session: AsyncSession, recall_id: str) -> bool:
    """Whether nobody had registered the product of its lots when the recall was opened."""
    statement = select(col(RecallLot.lot_id)).where(
        col(RecallLot.recall_id) == recall_id,
        col(RecallLot.root).is_(True),
        col(RecallLot.product_name) == UNREGISTERED,
    )
    return (await session.execute(statement.limit(1))).first() is not None


async def any_in_force(session: AsyncSession) -> bool:
    statement = select(col(Recall.recall_id)).where(_IN_FORCE).limit(1)
    return (await session.execute(statement)).first() is not None


async def touched(session: AsyncSession, lot_ids: Iterable[str]) -> dict[str, list[str]]:
    """Recalls in force that hold one of the lots, or something that one of them was made of or came in, each with
    those of its lots that were met, in the order of the recalls.

    A recall's set holds every descendant of its lots at all times, so the nearest lots behind an event are enough.
    """
    return await recalls_of(session, await behind(session, lot_ids))


async def recalls_of(session: AsyncSession, lot_ids: Iterable[str]) -> dict[str, list[str]]:
    """Recalls in force that hold some of the lots, each with these, in the order of the recalls."""
    found: dict[str, list[str]] = {}
    for chunk in chunks(lot_ids, 2_000):
        statement = (
            select(col(RecallLot.recall_id), col(RecallLot.lot_id))
            .join(Recall, col(Recall.recall_id) == col(RecallLot.recall_id))
            .where(among(session, col(RecallLot.lot_id), chunk), _IN_FORCE)
        )
        for recall_id, lot_id in (await session.execute(statement)).all():
            found.setdefault(recall_id, []).append(lot_id)
    return dict(sorted(found.items()))


async def behind(session: AsyncSession, lot_ids: Iterable[str]) -> set[str]:
    """The lots themselves and what stands a few hops behind them in the graph."""
    seen = set(lot_ids)
    front = set(seen)
    for _ in range(MAX_HOPS):
        following: set[str] = set()
        for chunk in chunks(front):
            statement = select(col(Edge.from_node)).where(
                col(Edge.to_node).in_(chunk),
                col(Edge.known_to).is_(None),
                col(Edge.confirmed).is_(True),
            )
            following.update((await session.execute(statement)).scalars())
        front = following - seen
        if not front:
            break
        seen |= front
    return seen


async def page(
    session: AsyncSession,
    *,
    state: str | None,
    uscc: str | None,
    lot_id: str | None,
    overdue_at: datetime | None,
    of: Principal | None,
    limit: int,
    after: Any,
) -> list[Recall]:
    """Newest first; one row more than `limit` when there is a next page. `overdue_at`: duties late then; `of`: of the
    firms that it supervises."""
    statement = select(Recall)
    if state is not None:
        statement = statement.where(col(Recall.state) == state)
    if uscc is not None:
        statement = statement.where(col(Recall.uscc) == uscc)
    if lot_id is not None:
        member = exists().where(col(RecallLot.recall_id) == col(Recall.recall_id), col(RecallLot.lot_id) == lot_id)
        statement = statement.where(member)
    if overdue_at is not None:
        late_start = and_(col(Recall.started_at).is_(None), col(Recall.start_by) < overdue_at)
        statement = statement.where(
            col(Recall.state) == "open", or_(late_start, col(Recall.finish_by) < shanghai_date(overdue_at))
        )
    if of is not None:
        statement = statement.where(col(Recall.uscc).in_(supervised(of)))
    if after is not None:
        statement = statement.where(col(Recall.recall_id) < after[0])
    statement = statement.order_by(col(Recall.recall_id).desc()).limit(limit + 1)
    return list((await session.execute(statement)).scalars())
