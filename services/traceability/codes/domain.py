"""What codes and their links declare."""

from services.traceability.codes import api
from shared.web import Domain

CODES = Domain("codes", routers=[api.router])
