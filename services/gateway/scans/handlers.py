"""How traceability's events change what a scan answers."""

from collections.abc import Sequence

import orjson

from services.gateway.enterprises import repository as enterprises
from services.gateway.enterprises.rules import touch
from services.gateway.projection import Row, body_of, event_time
from services.gateway.scans import body, repository
from shared.bus import Received
from shared.db import UnitOfWork
from shared.db.types import dumps
from shared.events import traceability
from shared.turns import in_turns


async def lot_updated(uow: UnitOfWork, events: Sequence[Received[traceability.LotUpdated]]) -> None:
    """The event carries the whole state of the lot: the newest one stands. One that says `unknown` ends the row."""
    newest: dict[str, Row] = {}
    for event in events:
        newest[event.data.lot_id] = {
            "lot_id": event.data.lot_id,
            "producer_uscc": event.data.producer_uscc,
            "body": body_of(event),
            "changed_at": event_time(event),
        }
    known = [row for row in newest.values() if row["body"]["verdict"] != "unknown"]
    async for row in in_turns(known, 50):
        row["body"] = orjson.loads(dumps(row["body"]))
        row |= {"scan_zh": body.ready(row["body"], "zh"), "scan_en": body.ready(row["body"], "en")}
    await repository.save_lots(uow.session, known)
    await repository.drop_lots(uow.session, newest.keys() - {row["lot_id"] for row in known})
    uow.invalidate(*(f"lot:{lot_id}" for lot_id in newest))


async def product_updated(uow: UnitOfWork, events: Sequence[Received[traceability.ProductUpdated]]) -> None:
    """A product may change its owner: the former owner's row loses it."""
    products = await repository.lock_products(uow.session, (event.data.gtin for event in events))
    owners = {event.data.owner_uscc for event in events} | {
        row["owner_uscc"] for row in products.values() if row["owner_uscc"]
    }
    rows = await enterprises.lock(uow.session, owners)
    for event in events:
        product, state, at = products[event.data.gtin], body_of(event), event_time(event)
        former = product["owner_uscc"]
        if former and former != event.data.owner_uscc:
            rows[former]["products"].pop(event.data.gtin, None)
            touch(rows[former], "traceability_at", at)
        product |= {"owner_uscc": event.data.owner_uscc, "body": state}
        touch(product, "changed_at", at)
        owner = rows[event.data.owner_uscc]
        owner["products"][event.data.gtin] = {key: value for key, value in state.items() if key != "owner_uscc"}
        touch(owner, "traceability_at", at)
    await repository.save_products(uow.session, products)
    await enterprises.save(uow.session, rows)
    uow.invalidate(*(f"product:{gtin}" for gtin in products), *(f"enterprise:{uscc}" for uscc in rows))
