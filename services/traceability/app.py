"""The traceability service as one ASGI app: routers, subscriptions, background work."""

from starlette.types import ASGIApp

from services.traceability.alerts import api as alerts
from services.traceability.codes import api as codes
from services.traceability.consequences import CONSEQUENCES, REFRESHERS
from services.traceability.epcis import api as epcis
from services.traceability.epcis import jobs as captures
from services.traceability.epcis import operations
from services.traceability.genealogy import api as genealogy
from services.traceability.inspections import api as inspections
from services.traceability.masterdata import supervision
from services.traceability.recalls import api as recalls
from services.traceability.recalls import jobs as recall_jobs
from services.traceability.registration import api as masterdata
from services.traceability.registration import lots_api
from services.traceability.rights import api as rights
from services.traceability.rights import sweep
from services.traceability.scans import api as scans
from services.traceability.scans import service as scans_service
from services.traceability.settings import Settings
from services.traceability.subscriptions import SUBSCRIPTIONS
from services.traceability.verdicts import api as verdicts
from services.traceability.verdicts import jobs as verdict_jobs
from shared.attachments.api import attachments_router
from shared.auth import revocations
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app

ROUTERS = [
    masterdata.router,
    rights.router,
    genealogy.router,  # before lots: a lot id may hold a slash, so its address ends with anything
    lots_api.router,
    epcis.router,
    operations.router,
    inspections.router,
    alerts.router,
    recalls.router,
    scans.router,
    codes.router,
    verdicts.router,
    attachments_router("traceability", homes_of=supervision.homes),
]
PROJECTION_TABLES = [
    "party_mark",
    "party_violation",
    "party_enterprise",
    "scan_log",
    "scan_counter",
    "scan_area",
    "scan_source",
    revocations.TABLE,
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> ASGIApp:
    return build_app(
        ServiceSpec(
            name="traceability",
            routers=ROUTERS,
            subscriptions=SUBSCRIPTIONS,
            projection_tables=PROJECTION_TABLES,
            hot=verdicts.HOT,
            consequences=CONSEQUENCES,
            refreshers=REFRESHERS,
            background=[
                captures.capture_worker,
                verdict_jobs.render_worker,
                recall_jobs.count_worker,
                scans_service.run,
                sweep.judge_landed,
            ],
            on_start=[],
        ),
        settings,
        bus=bus,
        clock=clock,
    )
