"""Every table of this service: what Alembic and the tests see."""

from services.traceability.base import Table
from shared.attachments.models import add_to
from shared.db.tables import import_models, metadata_of

import_models("traceability")
add_to(Table)
METADATA = metadata_of(Table)
