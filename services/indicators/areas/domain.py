"""What areas declare."""

from services.indicators.areas import api
from shared.web import Domain

AREAS = Domain("areas", routers=[api.router])
