"""What the public pages declare."""

from services.gateway.portal import pages
from shared.web import Domain

PORTAL = Domain("portal", routers=[pages.router])
