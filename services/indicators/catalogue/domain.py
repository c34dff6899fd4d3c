"""What the catalogue of targets declares."""

from services.indicators.catalogue import api
from shared.web import Domain

CATALOGUE = Domain("catalogue", routers=[api.router])
