"""What rights between firms declare."""

from services.traceability.rights import api, sweep
from shared.web import Domain

RIGHTS = Domain("rights", routers=[api.router], background=[sweep.judge_landed])
