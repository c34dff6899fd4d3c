"""All tables of the gateway: what Alembic and the tests see."""

from services.gateway.base import Table
from services.gateway.city import models as city
from services.gateway.enterprises import models as enterprises
from services.gateway.feed import models as feed
from services.gateway.inspections import models as inspections
from services.gateway.issuer import models as issuer
from services.gateway.recalls import models as recalls
from services.gateway.scans import models as scans
from shared.db import metadata_of

__all__ = ["METADATA", "city", "enterprises", "feed", "inspections", "issuer", "recalls", "scans"]

METADATA = metadata_of(Table)
