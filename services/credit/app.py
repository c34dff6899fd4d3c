"""The credit service as one ASGI app: routers, subscriptions, background work."""

from services.credit import sweep
from services.credit.consequences import CONSEQUENCES
from services.credit.dossiers import api as dossiers
from services.credit.duties import api as duties
from services.credit.enterprises import api as enterprises
from services.credit.enterprises import repository as enterprises_repository
from services.credit.leads import api as leads
from services.credit.listings import api as listings
from services.credit.listings import lists_api as lists
from services.credit.measures import api as measures
from services.credit.rulebook import api as rulebook
from services.credit.settings import Settings
from services.credit.subscriptions import SUBSCRIPTIONS
from services.credit.topic_intake import api as topic_intake
from services.credit.topic_intake.reader import run as take_messages
from services.credit.violations import api as violations
from shared.attachments.api import attachments_router
from shared.auth import revocations
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app
from shared.web.app import App

ROUTERS = [
    violations.router,
    topic_intake.router,
    enterprises.router,
    dossiers.router,
    listings.router,
    lists.router,
    rulebook.router,
    measures.router,
    leads.router,
    duties.router,
    attachments_router("credit", homes_of=enterprises_repository.homes),
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    return build_app(
        ServiceSpec(
            name="credit",
            routers=ROUTERS,
            subscriptions=SUBSCRIPTIONS,
            projection_tables=["recall_note", "unit_version", revocations.TABLE],
            hot=[lists.HOT],
            hot_writes=[violations.HOT],
            background=[sweep.run, take_messages],
            consequences=CONSEQUENCES,
            on_start=[violations.start],
        ),
        settings,
        bus=bus,
        clock=clock,
    )
