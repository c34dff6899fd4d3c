"""What the registration of parties, places, products and lots declares."""

from services.traceability.registration import api, lots_api
from shared.web import Domain

REGISTRATION = Domain("registration", routers=[api.router, lots_api.router])
