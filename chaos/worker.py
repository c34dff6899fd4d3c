"""One process of a run: a service of the platform, as small as one can be, with its real HTTP, relay and consumer.

    credit         takes writes over HTTP and publishes an event for each
    traceability   applies those, and publishes one for each in the same transaction
    gateway        applies these, as a projection

So an effect in the gateway went through two outboxes, two relays and two inboxes.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.auth import Public
from shared.bus import EventBus, Received, Subscription, kafka
from shared.bus.kafka import KafkaBus
from shared.db import UnitOfWork, metadata_of
from shared.db.sql import insert_rows
from shared.errors import Conflict
from shared.events.base import Event
from shared.events.credit import EnterpriseUpdated
from shared.events.traceability import PartyUpdated
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web import Body, CurrentPlatform, Domain, Out, Router, ServiceSpec, Uow, allow, build_app, problem

AREA = "370600"
SESSION_MS = 6_000
"""The shortest session that a Kafka broker allows: a member that is gone for good is waited for so long."""
POISON = "poison"
"""What a content begins with that cannot be applied while FAULT_POISON is set."""


class CreditTable(SQLModel, registry=registry()):
    pass


class ConsumerTable(SQLModel, registry=registry()):
    pass


class Effect(ConsumerTable, table=True):
    """Without a unique index: what takes effect twice must be seen, not prevented."""

    position: int | None = Field(default=None, primary_key=True)
    key: str
    content: str
    worker: str


class WriteIn(Body):
    key: str
    content: str
    refuse: bool = False


class WriteOut(Out):
    content: str


router = Router(prefix="/v1/credit")


@router.post("/writes", status_code=201, responses=problem(409))
@allow(Public())
async def write(body: WriteIn, uow: Uow, platform: CurrentPlatform) -> WriteOut:
    uow.publish(EnterpriseUpdated(uscc=body.key, name=body.content, area_code=AREA, state="active"))
    if body.refuse:
        raise Conflict("write.refused", zh="按要求拒绝", en="Refused as asked")
    return uow.answer(WriteOut(content=body.content), 201)


async def _keep(uow: UnitOfWork, key_and_content: Sequence[tuple[str, str]]) -> None:
    if os.environ.get("FAULT_POISON") and any(content.startswith(POISON) for _key, content in key_and_content):
        raise ValueError("this cannot be applied")
    worker = uow.wiring.settings.worker_id
    rows = [{"key": key, "content": content, "worker": worker} for key, content in key_and_content]
    await insert_rows(uow.session, Effect, rows)


async def apply_and_pass_on(uow: UnitOfWork, events: Sequence[Received[EnterpriseUpdated]]) -> None:
    await _keep(uow, [(event.key, event.data.name) for event in events])
    following: list[Event] = [PartyUpdated(party_id=e.key, name=e.data.name, area_code=AREA) for e in events]
    uow.publish(*following)


async def project(uow: UnitOfWork, events: Sequence[Received[PartyUpdated]]) -> None:
    await _keep(uow, [(event.key, event.data.name) for event in events])


async def hear(_platform: Platform) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell_tasks)


SPECS = {
    "credit": ServiceSpec("credit", [Domain("pushes", routers=[router], on_start=[hear])]),
    "traceability": ServiceSpec(
        "traceability",
        [
            Domain(
                "effects",
                subscriptions=[Subscription(EnterpriseUpdated, apply_and_pass_on, projection=False)],
                on_start=[hear],
            )
        ],
    ),
    "gateway": ServiceSpec(
        "gateway",
        [
            Domain(
                "effects",
                subscriptions=[Subscription(PartyUpdated, project)],
                projection_tables=["effect"],
                on_start=[hear],
            )
        ],
    ),
}
CONSUMERS = ("traceability", "gateway")


def metadata(service: str) -> MetaData:
    return metadata_of(CreditTable if service == "credit" else ConsumerTable)


def run() -> None:
    """The service FAULT_SERVICE on the port FAULT_PORT, with settings from the environment, until it is ended."""
    settings = ServiceSettings()
    bus: EventBus | None = None
    patience = os.environ.get("FAULT_PATIENCE")
    if patience:
        kafka._SEND_SECONDS = kafka._ASK_SECONDS = float(patience)
    if settings.bus_url.startswith("kafka://"):
        bus = KafkaBus(settings.bus_url.removeprefix("kafka://"), session_ms=SESSION_MS)
    app = build_app(SPECS[os.environ["FAULT_SERVICE"]], settings, bus=bus)
    app.platform.owns_bus = True
    told = f"%(asctime)s {app.platform.name} %(levelname)s %(name)s %(message)s"
    logging.basicConfig(force=True, level=logging.WARNING, format=told)
    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "on", "ws": "none"}
    port = int(os.environ["FAULT_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, timeout_graceful_shutdown=10, **options)


def _tell_tasks() -> None:
    """For whoever looks for what hangs: SIGUSR1 prints where each task waits, the innermost place last."""
    for task in asyncio.all_tasks():
        places: list[str] = []
        waits: Any = task.get_coro()
        while waits is not None:
            frame = getattr(waits, "cr_frame", None)
            if frame is None:
                break
            places.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
            waits = getattr(waits, "cr_await", None)
        print(task.get_name(), " > ".join(places), file=sys.stderr, flush=True)
