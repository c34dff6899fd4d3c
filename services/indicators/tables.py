"""Every table of this service: what Alembic and the tests see."""

from services.indicators.base import Table
from shared.db.tables import import_models, metadata_of

import_models("indicators")
METADATA = metadata_of(Table)
