"""What the resolver of GS1 Digital Links declares."""

from services.gateway.links import api
from shared.web import Domain

LINKS = Domain("links", routers=[api.router])
