"""The public red and black list: computed from dates at query time, never from a stored "is listed"."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from re import Match
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from services.credit.enterprises.rules import bigrams, fold
from services.credit.listings import repository, views
from services.credit.listings.repository import Filter
from services.credit.listings.schemas import ListPage
from services.credit.rulebook.rules import Colour
from shared import csvtext
from shared.auth import Public
from shared.clock import end_of_day, shanghai_date
from shared.errors import FieldError, Invalid
from shared.reference.areas import is_code
from shared.web import (
    CurrentPlatform,
    HotAnswer,
    HotRequest,
    HotRoute,
    PageParams,
    Platform,
    ReadSession,
    Router,
    allow,
    page_params,
    problem,
)
from shared.web.asof import AsOf, AsOfTermParams
from shared.web.header_values import file_named, link_to
from shared.web.paging import Keyset

router = Router(prefix="/v1/credit/lists", tags=["listings"])
_LISTS = Keyset("lists", date.fromisoformat, str)

COLUMNS = (
    "uscc",
    "party_name",
    "colour",
    "ground",
    "article",
    "authority_name",
    "document_number",
    "decided_on",
    "published_on",
    "valid_from",
    "valid_until",
    "removable_from",
    "area_code",
    "industry_code",
    "listing_id",
)
_PAGE = 500


@router.get("/{colour}", response_model=ListPage, responses={200: {"content": {"text/csv": {}}}, **problem(404, 422)})
@allow(Public())
async def read_list(
    colour: Colour,
    session: ReadSession,
    platform: CurrentPlatform,
    params: page_params,
    at: AsOfTermParams,
    q: Annotated[str | None, Query(max_length=100, description="统一社会信用代码、其开头，或名称的一部分")] = None,
    area: Annotated[str | None, Query(max_length=12)] = None,
    industry: Annotated[str | None, Query(pattern=r"^[A-Z]\d{0,4}$")] = None,
    ground: Annotated[str | None, Query(max_length=60)] = None,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Any:
    """The list in force on a day (`valid_at`), as known at an instant (`known_at`)."""
    wanted = _filter(colour, at, q, area, industry, ground)
    if format == "csv":
        name = f"{colour}-list-{at.valid}.csv"
        headers = {"Content-Disposition": file_named(name)}
        return StreamingResponse(_csv(platform, wanted), media_type="text/csv; charset=utf-8", headers=headers)
    page = await _page(session, wanted, params)
    headers = {}
    if page.next is not None:
        query = {"limit": params.limit, "cursor": page.next}
        headers["Link"] = link_to(_next(colour, at, q, area, industry, ground, query), "next")
    return Response(page.model_dump_json(), media_type="application/json", headers=headers)


def _next(
    colour: str,
    at: AsOf,
    q: str | None,
    area: str | None,
    industry: str | None,
    ground: str | None,
    query: dict[str, Any],
) -> str:
    """The address of the next page: the same question at the same two times."""
    from urllib.parse import urlencode

    asked = {"q": q, "area": area, "industry": industry, "ground": ground}
    times = {"valid_at": at.valid.isoformat(), "known_at": at.known.isoformat()} if at.explicit else {}
    given = {name: value for name, value in {**asked, **times, **query}.items() if value is not None}
    return f"/v1/credit/lists/{colour}?{urlencode(given)}"


def _filter(
    colour: Colour, at: AsOf, q: str | None, area: str | None, industry: str | None, ground: str | None
) -> Filter:
    if area is not None and not is_code(area):
        raise Invalid([FieldError("?area", "area.code", "不是地区代码", "Not an area code")])
    wanted = Filter(colour, at.valid, at.known, area=area, industry=industry, ground=ground)
    text = fold(q or "")
    if not text:
        return wanted
    if text.isascii() and any(char.isdigit() for char in text[:2]):
        return replace(wanted, uscc_prefix=text[:18])
    return replace(wanted, grams=frozenset(bigrams([text])))


async def _page(session: Any, wanted: Filter, params: PageParams) -> ListPage:
    rows = await repository.in_force(session, wanted, _LISTS.after(params.cursor), params.limit + 1)
    items = views.listed(rows[: params.limit], wanted.valid)
    more = len(rows) > params.limit
    cursor = _LISTS.cursor(items[-1].published_on, items[-1].listing_id) if more else None
    return ListPage(items=items, next=cursor, valid_at=wanted.valid, known_at=wanted.known)


async def _csv(platform: Platform, wanted: Filter) -> AsyncIterator[str]:
    """The whole list, page by page."""
    yield csvtext.MARK + csvtext.line(COLUMNS)
    after: tuple[date, str] | None = None
    async with platform.read() as session:
        while True:
            rows = await repository.in_force(session, wanted, after, _PAGE)
            for item in views.listed(rows, wanted.valid):
                yield csvtext.line([getattr(item, name) for name in COLUMNS])
            if len(rows) < _PAGE:
                return
            after = (rows[-1][1].published_on, rows[-1][0].listing_id)


async def _load(platform: Platform, match: Match[str], request: HotRequest) -> HotAnswer | None:
    """The first page of the list of now: the question of the portal's front page."""
    now = platform.clock.now()
    today = shanghai_date(now)
    colour: Colour = "black" if match["colour"] == "black" else "red"
    async with platform.read() as session:
        page = await _page(session, Filter(colour, today, now), PageParams(50, None))
    headers = []
    if page.next is not None:
        link = link_to(f"/v1/credit/lists/{colour}?limit=50&cursor={page.next}", "next")
        headers.append((b"link", link.encode()))
    return HotAnswer(
        page.model_dump_json().encode(), tags=(f"list:{colour}",), fresh_until=end_of_day(today), headers=headers
    )


HOT = HotRoute(pattern=r"/v1/credit/lists/(?P<colour>red|black)", load=_load)
