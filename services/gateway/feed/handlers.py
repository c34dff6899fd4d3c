"""Announces what the projections have just applied, in the same transaction. A replay announces nothing."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.gateway.enterprises import repository as enterprises
from services.gateway.enterprises.rules import name_of
from services.gateway.feed import repository, rules
from services.gateway.projection import Row, body_of, event_time
from services.gateway.recalls import repository as recalls
from shared.bus import Received
from shared.clock import shanghai_date
from shared.db import UnitOfWork

Events = Sequence[Received[Any]]


async def listing_published(uow: UnitOfWork, events: Events) -> None:
    rows = [_row(event, rules.listing_published(body_of(event)), event.data.listing_id) for event in events]
    await _append(uow, rows)


async def listing_removed(uow: UnitOfWork, events: Events) -> None:
    await repository.retract(uow.session, {event.data.listing_id: event.data.removed_on for event in events})
    known = await enterprises.lock(uow.session, (event.data.uscc for event in events))
    rows = []
    for event in events:
        notice = rules.listing_removed(body_of(event), name_of(known[event.data.uscc]))
        rows.append(_row(event, notice, event.id))
    await _append(uow, rows)


async def violation_published(uow: UnitOfWork, events: Events) -> None:
    rows = [_row(event, rules.violation_published(body_of(event)), event.data.violation_id) for event in events]
    await _append(uow, rows)


async def violation_ended(uow: UnitOfWork, events: Events) -> None:
    """`ViolationPublicationEnded` and `ViolationWithdrawn`: nothing new is said of what is no longer shown."""
    ends: dict[str, date] = {
        event.data.violation_id: getattr(event.data, "ended_on", shanghai_date(event.time)) for event in events
    }
    await repository.retract(uow.session, ends)
    uow.invalidate("feed")


async def recall_changed(uow: UnitOfWork, events: Events) -> None:
    rows = [_row(event, rules.recall_changed(body_of(event)), event.data.recall_id) for event in events]
    await _append(uow, rows)


async def recall_closed(uow: UnitOfWork, events: Events) -> None:
    known = await recalls.get_many(uow.session, (event.data.recall_id for event in events))
    rows = []
    for event in events:
        notice = rules.recall_closed(body_of(event), known[event.data.recall_id])
        rows.append(_row(event, notice, event.data.recall_id))
    await _append(uow, rows)


def _row(event: Received[Any], notice: rules.Notice, ref: str) -> Row:
    return {
        "event_id": event.id,
        "ref": ref,
        "shown_until": rules.shown_until(body_of(event)),
        "body": notice | {"at": event_time(event)},
    }


async def _append(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    await repository.append(uow.session, rows)
    uow.invalidate("feed")
