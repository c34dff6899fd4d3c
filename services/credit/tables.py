"""Every table of this service: what Alembic and the tests see."""

from services.credit.base import Table
from services.credit.enterprises import models as enterprises
from services.credit.leads import models as leads
from services.credit.listings import models as listings
from services.credit.recalls import models as recalls
from services.credit.topic_intake import models as topic_intake
from services.credit.violations import models as violations
from shared.attachments.models import add_to
from shared.db import metadata_of

add_to(Table)
METADATA = metadata_of(Table)

__all__ = ["METADATA", "enterprises", "leads", "listings", "recalls", "topic_intake", "violations"]
