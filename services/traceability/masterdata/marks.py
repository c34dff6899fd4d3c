"""What credit says of a party: its registered name and state, red and black listings, published violations.

Projections: they hold what the events say and the events' own time, so a rebuild gives the same bytes.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, update
from sqlmodel import col

from services.traceability.masterdata.models import PartyEnterprise, PartyMark, PartyViolation
from shared.bus import Received
from shared.db import UnitOfWork
from shared.db.sql import upsert
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.reference import areas

_MARK = ("uscc", "colour", "ground", "ground_en", "valid_from", "valid_until")
_VIOLATION = ("uscc", "violation_type", "field", "decision_date", "authority_name", "document_number")
_PUBLICATION = ("published_on", "expires_on")


async def apply_enterprise_updated(uow: UnitOfWork, events: Sequence[Received[EnterpriseUpdated]]) -> None:
    rows = {
        e.data.uscc: e.data.model_dump(include={"uscc", "name", "state", "source"})
        | {"area_code": _area(e.data), "as_of": e.time}
        for e in events
    }
    await upsert(uow.session, PartyEnterprise, list(rows.values()), key=["uscc"])
    uow.invalidate(*(f"party:{uscc}" for uscc in rows))


def _area(told: EnterpriseUpdated) -> str | None:
    """Where the firm is, as an authority stated it, or as a record says and its code does not contradict: whoever
    records something of a firm far away does not supervise it."""
    near = told.source == "register" or areas.registered_near(told.uscc, told.area_code)
    return told.area_code if near else None


async def apply_listing_published(uow: UnitOfWork, events: Sequence[Received[ListingPublished]]) -> None:
    rows = {
        e.data.listing_id: e.data.model_dump(include={"listing_id", *_MARK}) | {"removed_on": None, "as_of": e.time}
        for e in events
    }
    await upsert(uow.session, PartyMark, list(rows.values()), key=["listing_id"])
    uow.invalidate(*(f"party:{row['uscc']}" for row in rows.values()))


async def apply_listing_removed(uow: UnitOfWork, events: Sequence[Received[ListingRemoved]]) -> None:
    statement = (
        update(PartyMark)
        .where(col(PartyMark.listing_id) == bindparam("listing"))
        .values(removed_on=bindparam("removed"), as_of=bindparam("time"))
    )
    connection = await uow.session.connection()
    await connection.execute(
        statement, [{"listing": e.data.listing_id, "removed": e.data.removed_on, "time": e.time} for e in events]
    )
    uow.invalidate(*(f"party:{e.data.uscc}" for e in events))


async def apply_violation_published(uow: UnitOfWork, events: Sequence[Received[ViolationPublished]]) -> None:
    rows = {
        e.data.violation_id: e.data.model_dump(include={"violation_id", *_VIOLATION, *_PUBLICATION})
        | {"ended_on": None, "as_of": e.time}
        for e in events
    }
    await upsert(uow.session, PartyViolation, list(rows.values()), key=["violation_id"])
    uow.invalidate(*(f"party:{row['uscc']}" for row in rows.values()))


async def apply_violation_publication_ended(
    uow: UnitOfWork, events: Sequence[Received[ViolationPublicationEnded]]
) -> None:
    statement = (
        update(PartyViolation)
        .where(col(PartyViolation.violation_id) == bindparam("violation"))
        .values(ended_on=bindparam("ended"), as_of=bindparam("time"))
    )
    connection = await uow.session.connection()
    await connection.execute(
        statement, [{"violation": e.data.violation_id, "ended": e.data.ended_on, "time": e.time} for e in events]
    )
    uow.invalidate(*(f"party:{e.data.uscc}" for e in events))
