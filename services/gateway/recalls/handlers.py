"""How recall events change the recall, the products that it names and the enterprise that recalls."""

from collections.abc import Sequence
from typing import Any

from services.gateway.enterprises import repository as enterprises
from services.gateway.enterprises.rules import touch
from services.gateway.projection import Row, body_of, event_time
from services.gateway.recalls import repository, rules
from services.gateway.scans import repository as scans
from shared.bus import Received
from shared.db import UnitOfWork
from shared.events import traceability

Events = Sequence[Received[Any]]


async def recall_changed(uow: UnitOfWork, events: Events) -> None:
    """`RecallOpened` and `RecallUpdated`."""
    await _apply(uow, events)


async def recall_closed(uow: UnitOfWork, events: Sequence[Received[traceability.RecallClosed]]) -> None:
    await _apply(uow, events)


async def _apply(uow: UnitOfWork, events: Events) -> None:
    before = await repository.get_many(uow.session, (event.data.recall_id for event in events))
    after: dict[str, Row] = dict(before)
    newest: dict[str, str] = {}
    for event in events:
        recall_id, body = event.data.recall_id, body_of(event)
        if isinstance(event.data, traceability.RecallClosed):
            after[recall_id] = rules.closed(after[recall_id], body)
        else:
            after[recall_id] = rules.opened_or_updated(after.get(recall_id), body, event_time(event))
        newest[recall_id] = event_time(event)
    await repository.save(uow.session, [_row(after[key], at) for key, at in newest.items()])
    await _follow_products(uow, before, after, newest)
    await _follow_enterprises(uow, after, newest)
    uow.invalidate("recalls", *(f"recall:{key}" for key in newest))


def _row(body: Row, changed_at: str) -> Row:
    return {
        "recall_id": body["recall_id"],
        "uscc": body["uscc"],
        "state": body["state"],
        "opened_at": rules.opened_at(body),
        "words": rules.words(body),
        "body": body,
        "changed_at": changed_at,
    }


async def _follow_products(
    uow: UnitOfWork, before: dict[str, Row], after: dict[str, Row], newest: dict[str, str]
) -> None:
    touched = {
        gtin: key for key in newest for gtin in rules.gtins(after[key]) | rules.gtins(before.get(key) or {"lots": []})
    }
    products = await scans.lock_products(uow.session, touched)
    for key, at in newest.items():
        named = rules.gtins(after[key]) if after[key]["state"] == "open" else set()
        for gtin in rules.gtins(after[key]) | rules.gtins(before.get(key) or {"lots": []}):
            row = products[gtin]
            if gtin in named:
                row["recalls"][key] = rules.mark(after[key], gtin)
            else:
                row["recalls"].pop(key, None)
            touch(row, "changed_at", at)
    await scans.save_products(uow.session, products)
    uow.invalidate(*(f"product:{gtin}" for gtin in products))


async def _follow_enterprises(uow: UnitOfWork, after: dict[str, Row], newest: dict[str, str]) -> None:
    rows = await enterprises.lock(uow.session, (after[key]["uscc"] for key in newest))
    for key, at in newest.items():
        row = rows[after[key]["uscc"]]
        row["recalls"][key] = rules.summary(after[key])
        touch(row, "traceability_at", at)
    await enterprises.save(uow.session, rows)
    uow.invalidate(*(f"enterprise:{uscc}" for uscc in rows))
