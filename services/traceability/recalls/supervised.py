"""Which authorities have a recall in hand."""

from dataclasses import replace

from services.traceability.masterdata import supervision
from services.traceability.masterdata.supervision import Supervision
from services.traceability.recalls import repository
from services.traceability.recalls.models import Recall
from shared.db import AsyncSession


async def supervised(session: AsyncSession, recall: Recall) -> Supervision:
    """Who supervises the recalling firm. A recall of lots whose product nobody had registered stays with the area that
    ordered it: whoever registers the firm or the product afterwards does not take the case away."""
    found = (await supervision.of(session, [recall.uscc]))[recall.uscc]
    if recall.area_code in (found.area_code, found.register) or not recall.ordered:
        return found
    return (
        replace(found, area_code=recall.area_code) if await repository.is_outside(session, recall.recall_id) else found
    )
