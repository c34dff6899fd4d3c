"""Announces what a projection handler has just applied, in the same transaction. A replay announces nothing."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any

from services.gateway.enterprises import repository as enterprises
from services.gateway.enterprises.rules import name_of
from services.gateway.feed import repository, rules
from services.gateway.projection import Row, body_of, event_time
from services.gateway.recalls import repository as recalls
from shared.bus import Received
from shared.bus.subscription import Handler
from shared.clock import shanghai_date
from shared.db import UnitOfWork

Events = Sequence[Received[Any]]
Then = Callable[[UnitOfWork, Events], Awaitable[None]]


def announced(handler: Handler, then: Then) -> Handler:
    """`handler`, and then what its events mean for the feed."""

    async def handle(uow: UnitOfWork, events: Events) -> None:
        await handler(uow, events)
        if not uow.replaying:
            await then(uow, events)
            uow.invalidate("feed")

    return handle


async def listing_published(uow: UnitOfWork, events: Events) -> None:
    rows = [_row(event, rules.listing_published(body_of(event)), event.data.listing_id) for event in events]
    await repository.append(uow.session, rows)


async def listing_removed(uow: UnitOfWork, events: Events) -> None:
    await repository.retract(uow.session, {event.data.listing_id: event.data.removed_on for event in events})
    known = await enterprises.lock(uow.session, (event.data.uscc for event in events))
    rows = []
    for event in events:
        notice = rules.listing_removed(body_of(event), name_of(known[event.data.uscc]))
        rows.append(_row(event, notice, event.id))
    await repository.append(uow.session, rows)


async def violation_published(uow: UnitOfWork, events: Events) -> None:
    rows = [_row(event, rules.violation_published(body_of(event)), event.data.violation_id) for event in events]
    await repository.append(uow.session, rows)


async def violation_ended(uow: UnitOfWork, events: Events) -> None:
    """`ViolationPublicationEnded` and `ViolationWithdrawn`: nothing new is said of what is no longer shown."""
    ends: dict[str, date] = {
        event.data.violation_id: getattr(event.data, "ended_on", shanghai_date(event.time)) for event in events
    }
    await repository.retract(uow.session, ends)


async def recall_changed(uow: UnitOfWork, events: Events) -> None:
    rows = [_row(event, rules.recall_changed(body_of(event)), event.data.recall_id) for event in events]
    await repository.append(uow.session, rows)


async def recall_closed(uow: UnitOfWork, events: Events) -> None:
    known = await recalls.get_many(uow.session, (event.data.recall_id for event in events))
    rows = []
    for event in events:
        notice = rules.recall_closed(body_of(event), known[event.data.recall_id])
        rows.append(_row(event, notice, event.data.recall_id))
    await repository.append(uow.session, rows)


def _row(event: Received[Any], notice: rules.Notice, ref: str) -> Row:
    return {
        "event_id": event.id,
        "ref": ref,
        "shown_until": rules.shown_until(body_of(event)),
        "body": notice | {"at": event_time(event)},
    }
