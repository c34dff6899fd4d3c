"""What the rulebook declares."""

from services.credit.rulebook import api
from shared.web import Domain

RULEBOOK = Domain("rulebook", routers=[api.router])
