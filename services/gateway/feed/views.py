"""The public feed as data."""

from typing import TYPE_CHECKING, cast

from services.gateway.feed import repository
from services.gateway.schemas import FeedItem, FeedView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.clients import UPSTREAMS
from shared.clock import shanghai_date
from shared.web.paging import Keyset, position

if TYPE_CHECKING:
    from shared.platform import Platform


_FEED = Keyset("feed", position)


async def feed_view(platform: "Platform", *, limit: int = 50, cursor: str | None = None) -> FeedView:
    """Newest first; `cursor` is a `next`."""
    after = _FEED.after(cursor)
    now = platform.clock.now()
    async with platform.read() as session:
        found = await repository.page(session, shanghai_date(now), limit=limit, before=after[0] if after else None)
    more, found = len(found) > limit, found[:limit]
    newest = found[0]["at"] if found else None
    return {
        **freshness.envelope(UPSTREAMS.of(platform).monitor, {"credit": newest, "traceability": newest}, now),
        "items": cast(list[FeedItem], found),
        "next": _FEED.cursor(found[-1]["seq"]) if more else None,
    }
