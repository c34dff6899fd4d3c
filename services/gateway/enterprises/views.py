"""The lists as data."""

from datetime import date
from typing import TYPE_CHECKING

from services.gateway.enterprises import repository, rules
from services.gateway.names import area_name
from services.gateway.schemas import Colour, Listing, ListView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.clients import UPSTREAMS
from shared.clock import shanghai_date
from shared.web.paging import Keyset

if TYPE_CHECKING:
    from shared.platform import Platform


_LISTED = Keyset("public-lists", date.fromisoformat, str)


async def list_view(
    platform: "Platform",
    colour: Colour,
    *,
    q: str | None = None,
    area: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> ListView:
    """The red or black list in force today. `area` takes the areas below it, too; `cursor` is a `next`."""
    now = platform.clock.now()
    day = shanghai_date(now)
    after = _LISTED.after(cursor)
    async with platform.read() as session:
        totals = await repository.totals(session, day)
        found, total = await repository.page(session, colour, day, q=q, area=area or None, limit=limit, after=after)
        newest = await repository.newest_change(session)
    more, found = len(found) > limit, found[:limit]
    items: list[Listing] = [rules.listing_on(body, day, area_name(body["area_code"])) for body in found]
    return {
        **freshness.envelope(UPSTREAMS.of(platform).monitor, {"credit": newest}, now),
        "colour": colour,
        "q": q,
        "area_code": area,
        "items": items,
        "total": total,
        "totals": totals,
        "next": _LISTED.cursor(items[-1]["published_on"], items[-1]["listing_id"]) if more else None,
    }
