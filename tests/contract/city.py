"""A publisher and a consumer, as small as services can be, for the tests of delivery.

The consumer keeps the last name of each enterprise, a list of all that it applied, and (an effect that is no
projection) a case for each removed listing, which it announces.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.bus import Received, Subscription
from shared.clock import FixedClock
from shared.db import UnitOfWork, metadata_of
from shared.db.sql import insert_rows, upsert
from shared.events.credit import EnterpriseUpdated, ListingRemoved
from shared.events.traceability import PartyUpdated
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web import Domain, ServiceSpec, build_app
from tests.support.app import NOW
from tests.support.databases import Backend
from tests.support.lifespan import Lifespan


class PublisherTable(SQLModel, registry=registry()):
    pass


class Thing(PublisherTable, table=True):
    id: str = Field(primary_key=True)


class ConsumerTable(SQLModel, registry=registry()):
    pass


class Named(ConsumerTable, table=True):
    uscc: str = Field(primary_key=True)
    name: str
    sequence: int


class Applied(ConsumerTable, table=True):
    position: int | None = Field(default=None, primary_key=True)
    event_id: str = Field(unique=True)
    source: str
    key: str
    sequence: int


class Case(ConsumerTable, table=True):
    id: str = Field(primary_key=True)
    uscc: str


POISON = "poison"


async def keep_name(uow: UnitOfWork, events: Sequence[Received[EnterpriseUpdated]]) -> None:
    if any(event.data.name == POISON for event in events):
        raise ValueError("this name cannot be kept")
    last = {event.key: event for event in events}
    rows = [{"uscc": key, "name": event.data.name, "sequence": event.sequence} for key, event in last.items()]
    await upsert(uow.session, Named, rows, key=["uscc"])
    # Inserted, not upserted: an effect that happened twice breaks the unique index.
    seen = [{"event_id": e.id, "source": e.source, "key": e.key, "sequence": e.sequence} for e in events]
    await insert_rows(uow.session, Applied, seen)
    uow.invalidate(*(f"enterprise:{key}" for key in last))


async def open_case(uow: UnitOfWork, events: Sequence[Received[ListingRemoved]]) -> None:
    await insert_rows(uow.session, Case, [{"id": event.id, "uscc": event.key} for event in events])
    for event in events:
        uow.publish(PartyUpdated(party_id=event.key, name="case", area_code="370600"))


PUBLISHER = ServiceSpec("credit")
CONSUMER = ServiceSpec(
    "traceability",
    [
        Domain(
            "cases",
            subscriptions=[
                Subscription(EnterpriseUpdated, keep_name),
                Subscription(ListingRemoved, open_case, projection=False),
            ],
            projection_tables=["named", "applied"],
        )
    ],
)


def updated(uscc: str, name: str) -> EnterpriseUpdated:
    return EnterpriseUpdated(uscc=uscc, name=name, area_code="370600", state="active")


class City:
    """Both services on databases of `backend` and one bus; services can be stopped and started again."""

    def __init__(self, backend: Backend, bus_url: str, clock: FixedClock | None = None) -> None:
        self.clock = clock or FixedClock(NOW)
        self._settings = {
            "credit": self._make(backend.bare(metadata_of(PublisherTable)), bus_url, backend),
            "traceability": self._make(backend.bare(metadata_of(ConsumerTable)), bus_url, backend),
        }

    def _make(self, url: str, bus_url: str, backend: Backend) -> ServiceSettings:
        return ServiceSettings(
            data_dir=backend.folder, database_url=url, bus_url=bus_url, log_level="error", poll_seconds=0.05
        )

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Platform]:
        async with self._running(PUBLISHER) as platform:
            yield platform

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Platform]:
        async with self._running(CONSUMER) as platform:
            yield platform

    @asynccontextmanager
    async def _running(self, spec: ServiceSpec) -> AsyncIterator[Platform]:
        app = build_app(spec, self._settings[spec.name], clock=self.clock)
        async with Lifespan(app):
            yield app.platform


async def publish(platform: Platform, *events: Any) -> None:
    async with platform.system_unit_of_work() as uow:
        uow.publish(*events)


async def rows(platform: Platform, model: Any) -> list[Any]:
    async with platform.read() as session:
        order = getattr(model, "position", None)
        return list((await session.execute(select(model).order_by(order))).scalars())
