"""How events of credit and traceability change the enterprise view. Set-based, idempotent by state, replayable."""

from collections.abc import Callable, Sequence
from typing import Any

from services.gateway.enterprises import repository, rules
from services.gateway.projection import Row, body_of, event_time
from shared.bus import Received
from shared.db import UnitOfWork
from shared.events import credit, traceability

Events = Sequence[Received[Any]]
Change = Callable[[Row, Row, str], None]
"""`(row, event body, event time)`."""


async def _apply(uow: UnitOfWork, events: Events, change: Change, *, source: str, key: str = "uscc") -> dict[str, Row]:
    rows = await repository.lock(uow.session, (getattr(event.data, key) for event in events))
    for event in events:
        row = rows[getattr(event.data, key)]
        change(row, body_of(event), event_time(event))
        rules.touch(row, source, event_time(event))
    await repository.save(uow.session, rows)
    uow.invalidate(*(f"enterprise:{uscc}" for uscc in rows))
    return rows


async def _credit(uow: UnitOfWork, events: Events, change: Callable[[Row, Row], None]) -> dict[str, Row]:
    return await _apply(uow, events, lambda row, body, _at: change(row, body), source="credit_at")


async def enterprise_updated(uow: UnitOfWork, events: Sequence[Received[credit.EnterpriseUpdated]]) -> None:
    await _credit(uow, events, rules.enterprise_updated)


async def violation_recorded(uow: UnitOfWork, events: Events) -> None:
    """`ViolationRecorded` and `ViolationCorrected`."""
    await _credit(uow, events, rules.violation_recorded)


async def violation_withdrawn(uow: UnitOfWork, events: Sequence[Received[credit.ViolationWithdrawn]]) -> None:
    await _credit(uow, events, rules.violation_withdrawn)


async def violation_published(uow: UnitOfWork, events: Sequence[Received[credit.ViolationPublished]]) -> None:
    await _credit(uow, events, rules.violation_published)


async def violation_publication_ended(
    uow: UnitOfWork, events: Sequence[Received[credit.ViolationPublicationEnded]]
) -> None:
    await _credit(uow, events, rules.violation_publication_ended)


async def listing_proposed(uow: UnitOfWork, events: Sequence[Received[credit.ListingProposed]]) -> None:
    await _apply(uow, events, rules.listing_proposed, source="credit_at")


async def listing_published(uow: UnitOfWork, events: Sequence[Received[credit.ListingPublished]]) -> None:
    await _listings(uow, events, await _credit(uow, events, rules.listing_published))


async def listing_removed(uow: UnitOfWork, events: Sequence[Received[credit.ListingRemoved]]) -> None:
    await _listings(uow, events, await _credit(uow, events, rules.listing_removed))


async def _listings(uow: UnitOfWork, events: Events, rows: dict[str, Row]) -> None:
    """The list follows the enterprise row."""
    changed: dict[str, tuple[Row, str]] = {}
    for event in events:
        body = rows[event.data.uscc]["listings"].get(event.data.listing_id)
        if body:
            changed[event.data.listing_id] = (body, event_time(event))
    await repository.save_listings(uow.session, list(changed.values()))
    uow.invalidate("lists")


async def party_updated(uow: UnitOfWork, events: Sequence[Received[traceability.PartyUpdated]]) -> None:
    def change(row: Row, body: Row, _at: str) -> None:
        row["party"] = {"name": body["name"], "area_code": body["area_code"], "roles": body["roles"]}

    await _apply(uow, events, change, source="traceability_at", key="party_id")
