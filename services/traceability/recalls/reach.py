"""How far a lot reached: the affected set of the graph, written into a recall, and who holds how much of it."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

import structlog

from services.traceability.genealogy.holdings import Holding
from services.traceability.genealogy.service import Affected, AffectedLot, affected, held
from services.traceability.masterdata.locks import lock
from services.traceability.recalls import repository, uncounted
from services.traceability.recalls.models import MOST, Recall, RecallHolding, RecallLot, RecallNotice
from shared import metrics, workers
from shared.db import AsyncSession, UnitOfWork
from shared.db.errors import is_transient
from shared.db.sql import insert_rows, upsert
from shared.turns import in_slices

WORKER = "recalls"
AT_ONCE = 500
"""Lots whose holders are found in the transaction in which they join; those of more are left to a worker."""
SLICE = 100
_ROWS = 500
log = structlog.get_logger("recalls")


async def freeze(session: AsyncSession, lot_ids: Collection[str], *, late: bool) -> Affected:
    """The affected set (`late` as of `affected`: an authority reaches everything), with all its lots locked: what is
    captured beside this waits, and then finds the recall.

    The set is read first without locks, so that these are taken in one order, and again under them until it stays the
    same.
    """
    known: set[str] = set()
    found = await affected(session, lot_ids, late=late)
    while not (wanted := {lot.lot_id for lot in found.lots} | set(lot_ids)) <= known:
        await lock(session, wanted - known, alone=True)
        known |= wanted
        found = await affected(session, lot_ids, late=late)
    return found


async def widened(session: AsyncSession, recall: Recall, met: Collection[str], locked: Collection[str]) -> Affected:
    """What the lots of the recall that were met lead to. Only what is new to it is locked: two captures that widen one
    recall would else wait for each other's lots. `locked`: what the caller has locked."""
    known = set(locked)
    while True:
        found = await affected(session, met, late=recall.ordered)
        outside = {lot.lot_id for lot in found.lots} - known
        new = outside - await repository.members_among(session, recall.recall_id, outside)
        if not new:
            return found
        await lock(session, new)
        known |= new


async def join(uow: UnitOfWork, recall: Recall, found: Affected, *, roots: Iterable[str] = ()) -> list[AffectedLot]:
    """Add what is new to the set; the lots that joined, in the order of their positions. The caller has the recall's
    lock, or made it."""
    session, first = uow.session, set(roots)
    present = await repository.members_among(session, recall.recall_id, [lot.lot_id for lot in found.lots])
    new = sorted(
        (lot for lot in found.lots if lot.lot_id not in present), key=lambda lot: (lot.lot_id not in first, lot.lot_id)
    )
    async for some in in_slices(new, _ROWS):
        rows = [
            _lot(uow, recall, lot, position, lot.lot_id in first)
            for position, lot in enumerate(some, recall.lots_count + 1)
        ]
        await insert_rows(session, RecallLot, rows)
        recall.lots_count += len(some)
    session.add(recall)
    return new


def _lot(uow: UnitOfWork, recall: Recall, lot: AffectedLot, position: int, root: bool) -> dict[str, Any]:
    return {
        "recall_id": recall.recall_id,
        "lot_id": lot.lot_id,
        "position": position,
        "gtin": lot.gtin,
        "lot": lot.lot,
        "product_name": lot.product_name or repository.UNREGISTERED,
        "root": root,
        "open_root": root,
        "late": recall.opened_at != uow.now,
        "joined_at": uow.now,
        "counted": False,
    }


async def settle(uow: UnitOfWork, recall: Recall) -> None:
    """Find who holds what is not counted yet, and give each holder its notice: now where it is little. Where that fails
    the food is recalled all the same, and the worker has the rest."""
    waiting = await uncounted.first(uow.session, recall.recall_id, AT_ONCE + 1)
    if len(waiting) <= AT_ONCE:
        try:
            async with uow.session.begin_nested():
                await count(uow, recall, waiting)
            return
        except Exception as error:
            if is_transient(error):
                raise
            tell(uow.wiring.name, recall.recall_id, error)
    uow.after_commit(workers.wake(uow.wiring, WORKER).set)


def tell(service: str, recall_id: str, error: Exception, lot_id: str | None = None) -> None:
    """The operator of holders that were not found; of which lot, where it was tried by itself."""
    words = f"{type(error).__name__}: {error}"[:500]
    log.error("holders of a recall not found", recall_id=recall_id, lot_id=lot_id, error=words)
    metrics.JOBS_FAILED.labels(service, WORKER).inc()


async def count(uow: UnitOfWork, recall: Recall, lot_ids: Sequence[str]) -> None:
    for start in range(0, len(lot_ids), SLICE):
        await _count(uow, recall, lot_ids[start : start + SLICE])


async def _count(uow: UnitOfWork, recall: Recall, lot_ids: Collection[str]) -> None:
    found = await held(uow.session, lot_ids, late=recall.ordered)
    rows = [_holding(recall, holding, confirmed=True) for holding in found.holdings]
    rows += [_holding(recall, claim.holding, confirmed=claim.confirmed) for claim in found.claims]
    said = {(row["holder"], row["lot_id"], row["uom"]) for row in rows}
    counts = {(row["holder"], row["lot_id"]) for row in rows if row["confirmed"]}
    for holder, lot_id, uom in await repository.told_of(uow.session, recall.recall_id, lot_ids) - said:
        rows.append(_holding(recall, Holding(lot_id, holder, uom), confirmed=(holder, lot_id) in counts))
    told = ("received", "on_hand", "sold", "expected", "confirmed")
    key = ["recall_id", "holder", "lot_id", "uom"]
    await upsert(uow.session, RecallHolding, rows, key=key, update=told)
    await _notify(uow, recall, {row["holder"] for row in rows})
    await uncounted.set_counted(uow.session, recall.recall_id, lot_ids, True)


def _holding(recall: Recall, holding: Holding, *, confirmed: bool) -> dict[str, Any]:
    return {
        "recall_id": recall.recall_id,
        "holder": holding.holder,
        "lot_id": holding.lot_id,
        "uom": holding.uom or "",
        "received": _kept(holding.made + holding.received),
        "on_hand": _kept(holding.on_hand),
        "sold": _kept(holding.sold),
        "expected": _kept(holding.expected),
        "recovered": 0,
        "destroyed": 0,
        "confirmed": confirmed,
    }


def _kept(amount: Decimal) -> Decimal:
    """What is said of a lot must not keep it from being recalled: a sum beyond what can be kept is the largest."""
    return max(-MOST, min(amount, MOST))


async def _notify(uow: UnitOfWork, recall: Recall, holders: set[str]) -> None:
    """One notice to each holder; who has one already is not told twice. The recalling firm knows."""
    names = await repository.party_names(uow.session, holders)
    rows = [
        {
            "recall_id": recall.recall_id,
            "holder": holder,
            "holder_name": names.get(holder),
            "notified_at": uow.now,
            "acknowledged_at": None,
            "acknowledged_by": None,
        }
        for holder in sorted(holders - {recall.uscc})
    ]
    await insert_rows(uow.session, RecallNotice, rows, ignore=True)
