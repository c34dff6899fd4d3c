"""What genealogy declares."""

from services.traceability.genealogy import api
from shared.web import Domain

GENEALOGY = Domain("genealogy", routers=[api.router])
