"""The gateway as one ASGI app: its domains, the lowest layer first."""

from services.gateway.city.domain import CITY
from services.gateway.documents import follow
from services.gateway.documents.domain import DOCUMENTS
from services.gateway.enterprises.domain import ENTERPRISES
from services.gateway.feed.domain import FEED
from services.gateway.inspections.domain import INSPECTIONS
from services.gateway.issuer.domain import ISSUER
from services.gateway.links.domain import LINKS
from services.gateway.portal.domain import PORTAL
from services.gateway.profiles.domain import PROFILES
from services.gateway.proxy.domain import PROXY
from services.gateway.recalls.domain import RECALLS
from services.gateway.scans.domain import SCANS
from services.gateway.settings import Settings
from services.gateway.upstreams.domain import UPSTREAM_SERVICES
from shared.bus import EventBus
from shared.clock import Clock
from shared.web import ServiceSpec, build_app
from shared.web.app import App

DOMAINS = [
    ISSUER,
    UPSTREAM_SERVICES,
    PROXY,
    DOCUMENTS,
    ENTERPRISES,
    RECALLS,
    FEED,
    CITY,
    SCANS,
    INSPECTIONS,
    PROFILES,
    PORTAL,
    LINKS,
]


def create_app(settings: Settings, *, bus: EventBus | None = None, clock: Clock | None = None) -> App:
    spec = ServiceSpec("gateway", DOMAINS, title="Pinzhi 品质", public=True, limits=settings.limits())
    app = build_app(spec, settings, bus=bus, clock=clock)
    follow.install(app.fastapi, app.platform)
    return app
