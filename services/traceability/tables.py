"""Every table of the service, one import for each domain: what Alembic and the test databases see."""

from services.traceability.epcis import models as epcis
from services.traceability.genealogy import models as genealogy
from services.traceability.masterdata import models as masterdata

__all__ = [
    "epcis",
    "genealogy",
    "masterdata",
]
