"""The traceability service as one ASGI app: its domains, the lowest layer first."""

from services.traceability.alerts.domain import ALERTS
from services.traceability.codes.domain import CODES
from services.traceability.consequences import CONSEQUENCES, REFRESHERS
from services.traceability.epcis.domain import EPCIS
from services.traceability.genealogy.domain import GENEALOGY
from services.traceability.inspections.domain import INSPECTIONS
from services.traceability.masterdata import supervision
from services.traceability.masterdata.domain import MASTERDATA
from services.traceability.recalls.domain import RECALLS
from services.traceability.registration.domain import REGISTRATION
from services.traceability.rights.domain import RIGHTS
from services.traceability.scans.domain import SCANS
from services.traceability.settings import Settings
from services.traceability.verdicts.domain import VERDICTS
from shared.attachments.domain import attachments
from shared.auth.domain import REVOCATIONS
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app
from shared.web.app import App

DOMAINS = [
    REVOCATIONS,
    MASTERDATA,
    ALERTS,
    INSPECTIONS,
    RIGHTS,
    GENEALOGY,
    RECALLS,
    EPCIS,
    REGISTRATION,
    VERDICTS,
    SCANS,
    CODES,
    attachments("traceability", homes_of=supervision.homes),
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    spec = ServiceSpec("traceability", DOMAINS, consequences=CONSEQUENCES, refreshers=REFRESHERS)
    return build_app(spec, settings, bus=bus, clock=clock)
