"""Every table of the service, one import for each domain: what Alembic and the test databases see."""

from services.traceability.alerts import models as alerts
from services.traceability.base import Table
from services.traceability.epcis import models as epcis
from services.traceability.graph import models as genealogy
from services.traceability.inspections import models as inspections
from services.traceability.masterdata import models as masterdata
from services.traceability.recalls import models as recalls
from services.traceability.rights import models as rights
from services.traceability.scans import models as scans
from services.traceability.verdicts import models as verdicts
from shared.attachments.models import add_to
from shared.db import metadata_of

add_to(Table)
METADATA = metadata_of(Table)

__all__ = [
    "METADATA",
    "alerts",
    "epcis",
    "genealogy",
    "inspections",
    "masterdata",
    "recalls",
    "rights",
    "scans",
    "verdicts",
]
