"""What listings and the red and black list declare."""

from services.credit.listings import api, lists_api
from shared.web import Domain

LISTINGS = Domain("listings", routers=[api.router, lists_api.router], hot=[lists_api.HOT])
