"""What measures declare."""

from services.credit.measures import api
from shared.web import Domain

MEASURES = Domain("measures", routers=[api.router])
