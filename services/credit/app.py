"""The credit service as one ASGI app: its domains, the lowest layer first."""

from services.credit.calendar.domain import CALENDAR
from services.credit.consequences import CONSEQUENCES
from services.credit.dossiers.domain import DOSSIERS
from services.credit.duties.domain import DUTIES
from services.credit.enterprises import repository as enterprises
from services.credit.enterprises.domain import ENTERPRISES
from services.credit.leads.domain import LEADS
from services.credit.listings.domain import LISTINGS
from services.credit.measures.domain import MEASURES
from services.credit.recalls.domain import RECALLS
from services.credit.rulebook.domain import RULEBOOK
from services.credit.settings import Settings
from services.credit.topic_intake.domain import TOPIC_INTAKE
from services.credit.violations.domain import VIOLATIONS
from shared.attachments.domain import attachments
from shared.auth.domain import REVOCATIONS
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app
from shared.web.app import App

DOMAINS = [
    REVOCATIONS,
    RULEBOOK,
    MEASURES,
    RECALLS,
    LEADS,
    ENTERPRISES,
    VIOLATIONS,
    TOPIC_INTAKE,
    LISTINGS,
    DOSSIERS,
    DUTIES,
    CALENDAR,
    attachments("credit", homes_of=enterprises.homes),
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    spec = ServiceSpec("credit", DOMAINS, consequences=CONSEQUENCES)
    return build_app(spec, settings, bus=bus, clock=clock)
