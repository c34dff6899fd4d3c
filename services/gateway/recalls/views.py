"""Recalls as data."""

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from services.gateway.names import area_name
from services.gateway.recalls import repository, rules
from services.gateway.schemas import RecallLotsView, RecallSummary, RecallsView, RecallView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.clients import UPSTREAMS
from shared.web.paging import Keyset, position

if TYPE_CHECKING:
    from shared.platform import Platform


_RECALLS = Keyset("public-recalls", str, str)
_LOTS = Keyset("public-recall-lots", position)


async def recalls_view(
    platform: "Platform",
    *,
    state: str = "open",
    q: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> RecallsView:
    """Newest first; `state` is open, closed or all. Every word of `q` must be found; `cursor` is a `next`."""
    after = _RECALLS.after(cursor)
    async with platform.read() as session:
        found, total, changed_at = await repository.page(session, state=state, q=q, limit=limit, after=after)
    more, found = len(found) > limit, found[:limit]
    items = [rules.summary(body) | {"area_name": area_name(body["area_code"])} for body in found]
    view: dict[str, Any] = {
        **freshness.envelope(UPSTREAMS.of(platform).monitor, {"traceability": changed_at}, platform.clock.now()),
        "state": state,
        "q": q,
        "items": cast(list[RecallSummary], items),
        "total": total,
        "next": _RECALLS.cursor(rules.opened_at(found[-1]), found[-1]["recall_id"]) if more else None,
    }
    return cast(RecallsView, view)


async def recall_view(platform: "Platform", recall_id: str) -> RecallView | None:
    """`complete` is false while lots of a large recall are still on their way here."""
    async with platform.read() as session:
        found = await repository.get(session, recall_id)
    if found is None:
        return None
    body = found["body"]
    envelope = freshness.envelope(
        UPSTREAMS.of(platform).monitor, {"traceability": found["changed_at"]}, platform.clock.now()
    )
    more = found["lots_known"] > len(body["lots"]) and body["lots"]
    view = {
        **envelope,
        "complete": envelope["complete"] and found["lots_known"] == body["lots_count"],
        "recall": body
        | {
            "area_name": area_name(body["area_code"]),
            "lots_known": found["lots_known"],
            "lots_next": f"/v1/recalls/{quote(recall_id, safe='')}/lots" if more else None,
        },
    }
    return cast(RecallView, view)


async def lots_view(
    platform: "Platform", recall_id: str, *, limit: int = 50, cursor: str | None = None
) -> RecallLotsView | None:
    """All lots of a recall that are known here, roots first."""
    after = _LOTS.after(cursor)
    async with platform.read() as session:
        found = await repository.get(session, recall_id)
        if found is None:
            return None
        lots = await repository.lots_page(session, recall_id, after=after[0] if after else 0, limit=limit + 1)
    more, lots = len(lots) > limit, lots[:limit]
    envelope = freshness.envelope(
        UPSTREAMS.of(platform).monitor, {"traceability": found["changed_at"]}, platform.clock.now()
    )
    count = found["body"]["lots_count"]
    view = {
        **envelope,
        "complete": envelope["complete"] and found["lots_known"] == count,
        "items": [rules.lot_of(lot) for lot in lots],
        "lots_count": count,
        "lots_known": found["lots_known"],
        "next": _LOTS.cursor(lots[-1]["position"]) if more else None,
    }
    return cast(RecallLotsView, view)
