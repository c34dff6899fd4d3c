"""Whether a firm may recall a lot: what others told of it before the firm came to its product is not in its hands."""

from collections.abc import Sequence

from services.traceability.rights.service import lot_titles
from services.traceability.rights.titles import untitled_words
from shared.db import UnitOfWork
from shared.errors import Conflict, FieldError


async def require_title(uow: UnitOfWork, lot_ids: Sequence[str], uscc: str) -> None:
    """A firm recalls what is its own. A GTIN that nobody had registered can be registered by anybody, so what others
    told of a lot before is not put into its hands: an authority confirms the title, or recalls."""
    titles = await lot_titles(uow.session, lot_ids)
    spoken = await untitled_words(uow.session, lot_ids)
    errors = [
        FieldError(
            f"/lots/{index}",
            "recall.title_unconfirmed",
            f"贵企业登记商品 {lot_id[:14]} 之前，其他企业的事件已经提到批次 {lot_id}；请由监管部门确认："
            f"POST /v1/traceability/products/{lot_id[:14]}:confirm，或由监管部门责令召回",
            f"Events of others named lot {lot_id} before you registered its product {lot_id[:14]}; an authority "
            f"confirms it: POST /v1/traceability/products/{lot_id[:14]}:confirm, or orders the recall itself",
        )
        for index, lot_id in enumerate(lot_ids)
        if lot_id in spoken or titles.get(lot_id) not in (None, uscc)
    ]
    if errors:
        raise Conflict(
            "recall.title_unconfirmed",
            zh="有批次的归属有待监管部门确认，召回没有开始",
            en="The title to a lot waits for an authority's word; the recall was not opened",
            errors=errors,
        )
