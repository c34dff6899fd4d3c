"""Every table of the service, one import for each domain: what Alembic and the test databases see."""

from services.indicators import locks
from services.indicators.base import Table
from services.indicators.catalogue import models as catalogue
from services.indicators.counts import models as counts
from services.indicators.observations import models as observations
from services.indicators.status import models as status
from shared.db.tables import metadata_of

__all__ = ["METADATA", "catalogue", "counts", "locks", "observations", "status"]

METADATA = metadata_of(Table)
