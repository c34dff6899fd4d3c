"""How far a lot reached: the affected set of the graph, written into a recall."""

from collections.abc import Iterable
from typing import Any

from services.traceability.genealogy.service import Affected, AffectedLot, affected
from services.traceability.recalls import repository
from services.traceability.recalls.models import Recall, RecallHolding, RecallLot, RecallNotice
from services.traceability.verdicts.repository import lock
from shared.db import AsyncSession, UnitOfWork
from shared.db.sql import insert_rows, upsert

UNREGISTERED = "没有登记的产品"


async def freeze(session: AsyncSession, lot_ids: Iterable[str]) -> Affected:
    """The affected set, with all its lots locked: what is captured beside this waits, and then finds the recall.

    The set is read again under the locks until it stays the same.
    """
    known: set[str] = set()
    wanted = set(lot_ids)
    while True:
        await lock(session, wanted - known)
        known |= wanted
        found = await affected(session, sorted(known))
        wanted = {lot.lot_id for lot in found.lots}
        if wanted <= known:
            return found


async def write(uow: UnitOfWork, recall: Recall, found: Affected, *, roots: Iterable[str] = ()) -> list[str]:
    """Add what is new to the case: lots, holdings, notices. Returns the lots that joined."""
    session, roots = uow.session, set(roots)
    present = {row.lot_id for row in (await repository.lots(session, [recall.recall_id]))[recall.recall_id]}
    new = [lot for lot in found.lots if lot.lot_id not in present]
    await insert_rows(session, RecallLot, [_lot(recall, lot, lot.lot_id in roots, uow) for lot in new])
    rows = [
        {
            "recall_id": recall.recall_id,
            "holder": holding.holder,
            "lot_id": holding.lot_id,
            "uom": holding.uom or "",
            "received": holding.made + holding.received,
            "on_hand": holding.on_hand,
            "sold": holding.sold,
            "expected": holding.expected,
        }
        for holding in found.holdings
    ]
    told = ("received", "on_hand", "sold", "expected")
    zero = {"recovered": 0, "destroyed": 0}
    key = ["recall_id", "holder", "lot_id", "uom"]
    await upsert(session, RecallHolding, [row | zero for row in rows], key=key, update=told)
    await _notify(uow, recall, {holding.holder for holding in found.holdings} | found.claimants)
    return sorted(lot.lot_id for lot in new)


def _lot(recall: Recall, lot: AffectedLot, root: bool, uow: UnitOfWork) -> dict[str, Any]:
    return {
        "recall_id": recall.recall_id,
        "lot_id": lot.lot_id,
        "gtin": lot.gtin,
        "lot": lot.lot,
        "product_name": lot.product_name or UNREGISTERED,
        "root": root,
        "open_root": root,
        "late": recall.opened_at != uow.now,
        "joined_at": uow.now,
    }


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
