"""The indicators service as one ASGI app: its domains, the lowest layer first."""

from services.indicators.areas.domain import AREAS
from services.indicators.catalogue.domain import CATALOGUE
from services.indicators.consequences import REFRESHERS
from services.indicators.counts.domain import COUNTS
from services.indicators.observations.domain import OBSERVATIONS
from services.indicators.settings import Settings
from services.indicators.status.domain import STATUS
from shared.auth.domain import REVOCATIONS
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app
from shared.web.app import App

DOMAINS = [REVOCATIONS, AREAS, CATALOGUE, OBSERVATIONS, COUNTS, STATUS]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    spec = ServiceSpec("indicators", DOMAINS, title="品质 质量指标 / Pinzhi indicators", refreshers=REFRESHERS)
    return build_app(spec, settings, bus=bus, clock=clock)
