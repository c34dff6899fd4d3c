"""What observations declare."""

from services.indicators.observations import api
from shared.web import Domain

OBSERVATIONS = Domain("observations", routers=[api.router])
