"""What the duties of officers declare."""

from services.credit.duties import api
from shared.web import Domain

DUTIES = Domain("duties", routers=[api.router])
