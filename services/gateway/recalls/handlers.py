"""How recall events change the recall, its lots and the enterprise that recalls."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.gateway.enterprises import repository as enterprises
from services.gateway.enterprises.rules import touch
from services.gateway.projection import Row, body_of, event_time
from services.gateway.recalls import repository, rules
from shared.bus import Received
from shared.db import UnitOfWork
from shared.events import traceability

Events = Sequence[Received[Any]]


async def recall_changed(uow: UnitOfWork, events: Events) -> None:
    """`RecallOpened` and `RecallUpdated`: the case, and the first of its lots; the others follow in pages."""
    known = await _known(uow, events)
    for event in events:
        recall_id, body, at = event.data.recall_id, body_of(event), event_time(event)
        former = known.get(recall_id) or {"lots_known": 0, "last_position": 0, "body": None}
        row = known[recall_id] = former | _row(rules.opened_or_updated(former["body"], body, at), at)
        if former["body"] and not rules.in_force(former["body"]):
            await repository.set_in_force(uow.session, recall_id, True)
        if rules.is_whole(body):
            await repository.drop_lots(uow.session, recall_id)
            row |= {"lots_known": 0, "last_position": 0}
        await _add(uow, row, body["lots"])
    await _save(uow, known, events, {lot.gtin for event in events for lot in event.data.lots})


async def recall_closed(uow: UnitOfWork, events: Sequence[Received[traceability.RecallClosed]]) -> None:
    known = await _known(uow, events)
    products: set[str] = set()
    for event in events:
        recall_id = event.data.recall_id
        # Raises where the opening never came: the event is parked and looked at, not lost.
        row = known[recall_id]
        row |= _row(rules.closed(row["body"], body_of(event)), event_time(event))
        if not rules.in_force(row["body"]):
            await repository.set_in_force(uow.session, recall_id, False)
        products.update(await repository.gtins(uow.session, recall_id))
    await _save(uow, known, events, products)


async def lots_added(uow: UnitOfWork, events: Sequence[Received[traceability.RecallLotsAdded]]) -> None:
    known = await _known(uow, events)
    for event in events:
        row = known[event.data.recall_id]
        await _add(uow, row, body_of(event)["lots"])
        _count(row, event)
    await _save(uow, known, events, {lot.gtin for event in events for lot in event.data.lots})


async def lots_released(uow: UnitOfWork, events: Sequence[Received[traceability.RecallLotsReleased]]) -> None:
    known = await _known(uow, events)
    for event in events:
        row = known[event.data.recall_id]
        released = {lot.lot_id for lot in event.data.lots}
        row["lots_known"] -= await repository.drop_lots(uow.session, event.data.recall_id, sorted(released))
        kept = [lot for lot in row["body"]["lots"] if lot["lot_id"] not in released]
        row["body"] = row["body"] | {"lots": kept}
        row["words"] = rules.words(row["body"])
        _count(row, event)
    await _save(uow, known, events, {lot.gtin for event in events for lot in event.data.lots})


async def _known(uow: UnitOfWork, events: Events) -> dict[str, Row]:
    return await repository.rows(uow.session, (event.data.recall_id for event in events))


async def _add(uow: UnitOfWork, row: Row, lots: Sequence[Row]) -> None:
    added = await repository.add_lots(
        uow.session, row["recall_id"], lots, after=row["last_position"], in_force=rules.in_force(row["body"])
    )
    row["lots_known"] += added
    row["last_position"] += added


def _count(row: Row, event: Received[Any]) -> None:
    row["body"] = row["body"] | {"lots_count": event.data.lots_count}
    row["changed_at"] = event_time(event)


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


async def _save(uow: UnitOfWork, known: dict[str, Row], events: Events, gtins: Iterable[str]) -> None:
    newest = {event.data.recall_id: event_time(event) for event in events}
    await repository.save(uow.session, [known[key] for key in newest])
    # The producer of a lot that only events name may be unknown: its recall stands on nobody's file.
    rows = await enterprises.lock(uow.session, (known[key]["uscc"] for key in newest if known[key]["uscc"]))
    for key, at in newest.items():
        if (row := rows.get(known[key]["uscc"])) is None:
            continue
        row["recalls"][key] = rules.summary(known[key]["body"])
        touch(row, "traceability_at", at)
    await enterprises.save(uow.session, rows)
    # Every answer to a scan hangs on its product.
    products = sorted({f"product:{gtin}" for gtin in gtins})
    uow.invalidate(*(products if len(products) <= repository.MOST_PRODUCTS else ["*"]))
    uow.invalidate("recalls", *(f"recall:{key}" for key in newest), *(f"enterprise:{uscc}" for uscc in rows))
