"""The indicators service as one ASGI app: routers, subscriptions, background work."""

from starlette.types import ASGIApp

from services.indicators import jobs
from services.indicators.areas import api as areas
from services.indicators.catalogue import api as catalogue
from services.indicators.consequences import REFRESHERS
from services.indicators.counts import api as counts
from services.indicators.observations import api as observations
from services.indicators.settings import Settings
from services.indicators.status import api as status
from services.indicators.subscriptions import SUBSCRIPTIONS
from shared.auth import revocations
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app

ROUTERS = [catalogue.router, status.router, observations.router, areas.router, counts.router]
PROJECTION_TABLES = [
    "enterprise_version",
    "violation_publication",
    "listing_period",
    "recall_case",
    "sample_test",
    "sample_state",
    revocations.TABLE,
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> ASGIApp:
    return build_app(
        ServiceSpec(
            name="indicators",
            title="品质 质量指标 / Pinzhi indicators",
            routers=ROUTERS,
            subscriptions=SUBSCRIPTIONS,
            projection_tables=PROJECTION_TABLES,
            hot=status.HOT,
            refreshers=REFRESHERS,
            background=[jobs.follow_the_day],
            on_start=[jobs.start],
        ),
        settings,
        bus=bus,
        clock=clock,
    )
