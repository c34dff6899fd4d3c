"""What verdicts declare."""

from services.traceability.verdicts import api
from services.traceability.verdicts.jobs import render_worker
from shared.web import Domain

VERDICTS = Domain("verdicts", routers=[api.router], hot=api.HOT, background=[render_worker])
