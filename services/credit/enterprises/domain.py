"""What the register of enterprises declares."""

from services.credit.enterprises import api
from shared.web import Domain

ENTERPRISES = Domain("enterprises", routers=[api.router])
