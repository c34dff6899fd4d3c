"""Recalls as data."""

from typing import TYPE_CHECKING, Any, cast

from services.gateway import freshness
from services.gateway.names import area_name
from services.gateway.paging import typed
from services.gateway.recalls import repository, rules
from services.gateway.schemas import RecallSummary, RecallsView, RecallView
from services.gateway.state import gateway_of
from shared.web import encode

if TYPE_CHECKING:
    from shared.platform import Platform


async def recalls_view(
    platform: "Platform",
    *,
    state: str = "open",
    q: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> RecallsView:
    """Newest first; `state` is open, closed or all. Every word of `q` must be found; `cursor` is a `next`."""
    after = typed(cursor, str, str)
    async with platform.read() as session:
        found, total, changed_at = await repository.page(session, state=state, q=q, limit=limit, after=after)
    more, found = len(found) > limit, found[:limit]
    items = [rules.summary(body) | {"area_name": area_name(body["area_code"])} for body in found]
    view: dict[str, Any] = {
        **freshness.envelope(gateway_of(platform).monitor, {"traceability": changed_at}, platform.clock.now()),
        "state": state,
        "q": q,
        "items": cast(list[RecallSummary], items),
        "total": total,
        "next": encode(rules.opened_at(found[-1]), found[-1]["recall_id"]) if more else None,
    }
    return cast(RecallsView, view)


async def recall_view(platform: "Platform", recall_id: str) -> RecallView | None:
    async with platform.read() as session:
        found = await repository.get(session, recall_id)
    if found is None:
        return None
    body, changed_at = found
    now = platform.clock.now()
    view = {
        **freshness.envelope(gateway_of(platform).monitor, {"traceability": changed_at}, now),
        "recall": body | {"area_name": area_name(body["area_code"])},
    }
    return cast(RecallView, view)
