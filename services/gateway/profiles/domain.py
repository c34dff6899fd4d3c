"""What the whole view of an enterprise declares."""

from services.gateway.profiles import api
from shared.web import Domain

PROFILES = Domain("profiles", routers=[api.router], hot=api.HOT)
