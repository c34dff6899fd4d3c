"""What sample tests declare."""

from services.traceability.inspections import api
from shared.web import Domain

INSPECTIONS = Domain("inspections", routers=[api.router])
