"""What the proxy to the services declares."""

from services.gateway.proxy import api
from shared.web import Domain

PROXY = Domain("proxy", routers=[api.router])
