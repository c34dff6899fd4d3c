"""Lots that become known by their events, with the dates that these tell."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from services.traceability.epcis.prepare import Prepared, told_dates
from services.traceability.graph.repository import events as events_of
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import rules as masterdata_rules
from services.traceability.masterdata.models import Lot, Product
from services.traceability.rights.rules import Row, kind_of
from services.traceability.rights.service import lot_titles
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.db.sql import insert_rows
from shared.turns import aside, in_slices


async def first_seen(
    uow: UnitOfWork, events: Sequence[Prepared], products: Mapping[str, Product], counts: Collection[str]
) -> None:
    """Lots of registered products that nobody registered yet become known, with their dates as soon as an event whose
    word counts (`counts`: record id and node) tells how they came into being; what is registered stays as it is."""
    size = sum(len(event.objects) for event in events)
    lots, dated = await aside(size, _known_by, events, products, counts, uow.now)
    for lot_id, owner in (await lot_titles(uow.session, lots)).items():
        lots[lot_id]["owner_uscc"] = owner
    async for some in in_slices(sorted(lots), 500):
        await insert_rows(uow.session, Lot, [lots[lot_id] for lot_id in some], ignore=True)
    async for some in in_slices(sorted(dated), 500):
        await masterdata.date_lots(uow.session, [dated[lot_id] for lot_id in some])
    await masterdata.acknowledge_lots(uow.session, [key for key, row in lots.items() if row["acknowledged"]])


def _known_by(
    events: Sequence[Prepared], products: Mapping[str, Product], counts: Collection[str], now: datetime
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Rows of the lots, and those of them that have dates."""
    lots: dict[str, dict[str, Any]] = {}
    dated: dict[str, dict[str, Any]] = {}
    for event in events:
        born_of = _born(event)
        for lot_id, told in event.new_lots().items():
            gtin, _, lot = lot_id.partition(".")
            if (product := products.get(gtin)) is None:
                continue
            known = event.record_id + lot_id in counts
            born = known and (any(value is not None for value in told.values()) or lot_id in born_of)
            if lot_id in lots and not born:
                lots[lot_id]["acknowledged"] |= known
                continue
            dates = _dates(product, told, event.at) if born else {"produced_on": None, "expires_on": None}
            lots[lot_id] = {
                "lot_id": lot_id,
                "gtin": gtin,
                "lot": lot,
                "owner_uscc": product.owner_uscc,
                **dates,
                "first_seen_at": now,
                "acknowledged": known or (lot_id in lots and lots[lot_id]["acknowledged"]),
                "version": 0,
                "updated_at": now,
            }
            if born:
                dated[lot_id] = lots[lot_id]
    return lots, dated


async def date_confirmed(uow: UnitOfWork, changed: Iterable[Row]) -> None:
    """Words that were stored before and count now: their lots are known, with what the events told of their dates."""
    rows = [row for row in changed if row.confirmed and kind_of(row.node)[0] == "lot"]
    if not rows:
        return
    await masterdata.acknowledge_lots(uow.session, {row.node for row in rows})
    made = [row for row in rows if row.creates]
    events = await events_of(uow.session, {row.record_id for row in made})
    products = await masterdata.by_key(uow.session, Product, {row.node[:14] for row in made})
    dated: dict[str, dict[str, Any]] = {}
    for row in sorted(made, key=lambda row: row.record_id):
        if (product := products.get(row.node[:14])) is not None:
            dates = _dates(product, told_dates(events[row.record_id].body), row.at)
            dated.setdefault(row.node, {"lot_id": row.node, **dates})
    await masterdata.date_lots(uow.session, [dated[lot_id] for lot_id in sorted(dated)])


def _dates(product: Product, told: Mapping[str, Any], at: Any) -> dict[str, Any]:
    produced_on = told["produced_on"] or shanghai_date(at)
    expires_on = told["expires_on"]
    if expires_on is None and product.shelf_life_days is not None:
        with suppress(OverflowError):  # a day of production at the end of the calendar has no shelf life
            expires_on = masterdata_rules.expires_on(produced_on, product.shelf_life_days)
    return {"produced_on": produced_on, "expires_on": expires_on}


def _born(event: Prepared) -> set[str]:
    made = event.creates()
    return {each.id.node for each in event.objects if each.pointer in made and each.id.lot is not None}
