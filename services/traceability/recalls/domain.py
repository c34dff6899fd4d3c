"""What recalls declare."""

from services.traceability.recalls import api
from services.traceability.recalls.jobs import count_worker
from shared.web import Domain

RECALLS = Domain("recalls", routers=[api.router], background=[count_worker])
