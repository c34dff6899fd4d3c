"""The harness that all service tests stand on, with a small service of its own, on both databases."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from shared.auth import Department, Public
from shared.bus import EventBus, Received, Subscription
from shared.clock import Clock
from shared.db import PLATFORM, UnitOfWork
from shared.db.sql import upsert
from shared.events.credit import ListingRemoved
from shared.events.traceability import RecallClosed
from shared.settings import ServiceSettings
from shared.web import CurrentPrincipal, Domain, ReadSession, Router, ServiceSpec, Uow, allow
from shared.web.app import App, build_app
from tests.support.app import Harness, department, enterprise, running, staff
from tests.support.databases import Backend

METADATA = MetaData()
closed = Table(
    "closed", METADATA, Column("uscc", String(18), primary_key=True), Column("recalls", Integer, nullable=False)
)
for table in PLATFORM.sorted_tables:
    table.to_metadata(METADATA)

USCC = "91370600000000000X"
router = Router(prefix="/v1/credit")


@router.post("/removals", status_code=201)
@allow(Department("credit:removals:write"))
async def remove(body: dict[str, str], uow: Uow, principal: CurrentPrincipal) -> dict[str, Any]:
    day = date(2026, 11, 24)
    uow.publish(ListingRemoved(listing_id="l-1", uscc=body["uscc"], colour="black", removed_on=day, reason="expired"))
    uow.audit("listing.remove", subject=body["uscc"])
    return uow.answer({"by": principal.id, "at": uow.now.isoformat()}, status=201)


@router.get("/closed")
@allow(Public())
async def read(session: ReadSession) -> list[int]:
    return [row.recalls for row in (await session.execute(select(closed))).all()]


async def count(uow: UnitOfWork, events: Sequence[Received[RecallClosed]]) -> None:
    for event in events:
        if event.data.outcome == "impossible":
            raise ValueError("this outcome cannot be")
        await upsert(uow.session, closed, [{"uscc": event.data.uscc, "recalls": event.sequence}], key=["uscc"])


def create_app(settings: ServiceSettings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    spec = ServiceSpec(
        "credit", [Domain("counts", routers=[router], subscriptions=[Subscription(RecallClosed, count)])]
    )
    return build_app(spec, settings, bus=bus, clock=clock)


@pytest.fixture
async def service(backend: Backend) -> AsyncIterator[Harness]:
    async with running(create_app, ServiceSettings, backend, url=backend.bare(METADATA)) as harness:
        yield harness


def recall(outcome: str = "done") -> RecallClosed:
    return RecallClosed(recall_id="r-1", uscc=USCC, closed_at=datetime(2026, 11, 24, tzinfo=UTC), outcome=outcome)


async def test_a_write_is_published_and_answered_at_the_fixed_time(service: Harness) -> None:
    service.clock.advance(hours=1)
    answer = await service.post(
        "/v1/credit/removals", json={"uscc": USCC}, as_=department("credit:removals:write", client="unit")
    )
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"by": "client:unit", "at": "2026-11-24T05:00:00+00:00"}
    assert [event.uscc for event in service.published(ListingRemoved)] == [USCC]
    await service.settled()


@pytest.mark.parametrize(("caller", "status"), [(None, 401), (staff("reviewer"), 403), (enterprise(USCC), 403)])
async def test_other_callers_are_refused(service: Harness, caller: Any, status: int) -> None:
    answer = await service.post("/v1/credit/removals", json={"uscc": USCC}, as_=caller)
    assert answer.status_code == status
    assert service.published(ListingRemoved) == []


async def test_delivered_events_are_applied_when_deliver_returns(service: Harness) -> None:
    await service.deliver(recall(), recall(), recall())
    assert (await service.get("/v1/credit/closed")).json() == [3]


async def test_a_dead_letter_fails_the_delivery(service: Harness) -> None:
    with pytest.raises(AssertionError, match="this outcome cannot be"):
        await service.deliver(recall("impossible"))
    service.may_fail = True


async def test_an_event_that_nobody_hears_is_told(service: Harness) -> None:
    event = ListingRemoved(listing_id="l", uscc=USCC, colour="red", removed_on=date(2026, 1, 1), reason="expired")
    with pytest.raises(AssertionError, match="does not subscribe"):
        await service.deliver(event)


async def test_a_restart_on_the_same_database_keeps_what_was_applied(backend: Backend) -> None:
    url = backend.bare(METADATA)
    async with running(create_app, ServiceSettings, backend, url=url) as first:
        await first.deliver(recall())
    async with running(create_app, ServiceSettings, backend, url=url) as second:
        assert (await second.get("/v1/credit/closed")).json() == [1]
        assert second.rows("SELECT sequence FROM inbox WHERE source = $1", "traceability") == [(1,)]
