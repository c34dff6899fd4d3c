"""What EPCIS declares."""

from services.traceability.epcis import api, operations
from services.traceability.epcis.jobs import capture_worker
from shared.web import Domain

EPCIS = Domain("epcis", routers=[api.router, operations.router], background=[capture_worker])
