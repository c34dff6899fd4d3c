"""What the files of enterprises declare."""

from services.credit.dossiers import api
from shared.web import Domain

DOSSIERS = Domain("dossiers", routers=[api.router])
