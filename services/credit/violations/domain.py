"""What violations declare."""

from services.credit.violations import api
from shared.web import Domain

VIOLATIONS = Domain("violations", routers=[api.router], hot_writes=[api.HOT])
