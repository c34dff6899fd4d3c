"""What this service does with other services' events."""

from collections.abc import Sequence
from dataclasses import asdict

from services.indicators.counts import repository
from services.indicators.counts.models import EnterpriseVersion, ListingPeriod, RecallCase, ViolationPublication
from services.indicators.counts.rules import TARGETS, timeline
from shared.bus import Received
from shared.db import UnitOfWork
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated, TestRecorded


async def apply_enterprise(uow: UnitOfWork, events: Sequence[Received[EnterpriseUpdated]]) -> None:
    rows = [
        {
            "uscc": event.data.uscc,
            "sequence": event.sequence,
            "area_code": event.data.area_code,
            "industry_code": event.data.industry_code,
            "state": event.data.state,
            "known_from": event.time,
        }
        for event in events
    ]
    await repository.add_versions(uow.session, EnterpriseVersion, "uscc", rows)


async def apply_violation_published(uow: UnitOfWork, events: Sequence[Received[ViolationPublished]]) -> None:
    rows = [
        {
            "violation_id": event.data.violation_id,
            "sequence": event.sequence,
            "uscc": event.data.uscc,
            "area_code": event.data.area_code,
            "field": event.data.field,
            "published_on": event.data.published_on,
            "expires_on": event.data.expires_on,
            "ended_on": None,
            "known_from": event.time,
            "end_known_from": None,
        }
        for event in events
    ]
    await repository.add_versions(uow.session, ViolationPublication, "violation_id", rows)


async def apply_violation_ended(uow: UnitOfWork, events: Sequence[Received[ViolationPublicationEnded]]) -> None:
    ends = [{"b_key": e.data.violation_id, "b_end": e.data.ended_on, "b_at": e.time} for e in events]
    await repository.end(uow.session, ViolationPublication, "violation_id", "ended_on", ends)


async def apply_listing_published(uow: UnitOfWork, events: Sequence[Received[ListingPublished]]) -> None:
    rows = [
        {
            "listing_id": event.data.listing_id,
            "sequence": event.sequence,
            "uscc": event.data.uscc,
            "colour": event.data.colour,
            "area_code": event.data.area_code,
            "industry_code": event.data.industry_code,
            "valid_from": event.data.valid_from,
            "valid_until": event.data.valid_until,
            "ended_on": None,
            "known_from": event.time,
            "end_known_from": None,
        }
        for event in events
    ]
    await repository.add_versions(uow.session, ListingPeriod, "listing_id", rows)


async def apply_listing_removed(uow: UnitOfWork, events: Sequence[Received[ListingRemoved]]) -> None:
    ends = [{"b_key": e.data.listing_id, "b_end": e.data.removed_on, "b_at": e.time} for e in events]
    await repository.end(uow.session, ListingPeriod, "listing_id", "ended_on", ends)


async def apply_recalls(uow: UnitOfWork, events: Sequence[Received[RecallOpened] | Received[RecallUpdated]]) -> None:
    """Opened and updated cases alike; a closed case that is updated (late returns) stays closed."""
    ended = await repository.ended_recalls(uow.session, (event.data.recall_id for event in events))
    rows = [
        {
            "recall_id": event.data.recall_id,
            "sequence": event.sequence,
            "uscc": event.data.uscc,
            "area_code": event.data.area_code,
            "level": event.data.level,
            "opened_at": event.data.opened_at,
            "ended_at": ended.get(event.data.recall_id, (None, None))[0],
            "known_from": event.time,
            "end_known_from": ended.get(event.data.recall_id, (None, None))[1],
        }
        for event in events
    ]
    await repository.add_versions(uow.session, RecallCase, "recall_id", rows)


async def apply_recall_closed(uow: UnitOfWork, events: Sequence[Received[RecallClosed]]) -> None:
    ends = [{"b_key": e.data.recall_id, "b_end": e.data.closed_at, "b_at": e.time} for e in events]
    await repository.end(uow.session, RecallCase, "recall_id", "ended_at", ends)


async def apply_tests(uow: UnitOfWork, events: Sequence[Received[TestRecorded]]) -> None:
    """Recorded and corrected tests alike: their samples are counted anew from all that is known of them."""
    rows = [
        {
            "test_id": event.data.test_id,
            "lot_id": event.data.lot_id,
            "sequence": event.sequence,
            "sample_id": event.data.sample_id,
            "target_id": TARGETS[event.data.category],
            "area_code": event.data.area_code,
            "supervision": event.data.kind == "supervision",
            "passed": event.data.result == "pass",
            "tested_on": event.data.tested_on,
            "known_from": event.time,
        }
        for event in events
    ]
    await repository.add_tests(uow.session, rows)
    samples = await repository.samples_of_tests(uow.session, (event.data.test_id for event in events))
    before = await repository.states_of(uow.session, samples)
    facts = await repository.facts_of_samples(uow.session, samples)
    states = [
        asdict(state)
        | {
            "sample_id": sample_id,
            "position": position,
            "year": state.tested_on.year,
            "month": state.tested_on.month,
        }
        for sample_id, known in facts.items()
        for position, state in enumerate(timeline(sample_id, known))
    ]
    await repository.replace_states(uow.session, samples, states)
    if not uow.replaying:
        touched = before | {(state["target_id"], state["area_code"]) for state in states}
        uow.touch("light", *sorted(touched))
