"""The traceability service as one ASGI app: routers, subscriptions, background work."""

from starlette.types import ASGIApp

from services.traceability.epcis import api as epcis
from services.traceability.epcis import jobs
from services.traceability.genealogy import api as genealogy
from services.traceability.masterdata import api as masterdata
from services.traceability.masterdata import lots_api
from services.traceability.settings import Settings
from services.traceability.subscriptions import SUBSCRIPTIONS
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app

ROUTERS = [
    masterdata.router,
    lots_api.router,
    epcis.router,
    genealogy.router,
]
PROJECTION_TABLES = [
    "party_mark",
    "party_violation",
    "party_enterprise",
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> ASGIApp:
    return build_app(
        ServiceSpec(
            name="traceability",
            routers=ROUTERS,
            subscriptions=SUBSCRIPTIONS,
            projection_tables=PROJECTION_TABLES,
            hot=[],
            background=[jobs.run],
            on_start=[],
        ),
        settings,
        bus=bus,
        clock=clock,
    )
