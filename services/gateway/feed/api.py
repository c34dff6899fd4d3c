"""`/v1/feed` as JSON Feed 1.1 and Atom (RFC 4287)."""

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import orjson
from fastapi import Request
from fastapi.responses import Response

from services.gateway.feed.views import feed_view
from services.gateway.schemas import FeedItem, FeedView
from services.gateway.settings import Settings
from services.gateway.upstreams.answers import view_response
from shared.auth import Public
from shared.i18n import Lang, Text
from shared.web import CurrentPlatform, RequestLang, Router, allow, page_params, problem
from shared.web.paging import next_link

if TYPE_CHECKING:
    from shared.platform import Platform

router = Router(prefix="/v1", tags=["feed"])
TITLE = Text("公示：红黑榜、行政处罚与召回", "Public notices: lists, penalties, recalls")
JSON_FEED, ATOM = "application/feed+json", "application/atom+xml"


@router.get(
    "/feed",
    response_class=Response,
    responses={200: {"content": {JSON_FEED: {}, ATOM: {}}}, **problem(422)},
)
@allow(Public())
async def feed(request: Request, platform: CurrentPlatform, lang: RequestLang, params: page_params) -> Response:
    """最新公示 / The newest public notices. JSON Feed 1.1, or Atom for `Accept: application/atom+xml`
    and at `/v1/feed.atom`. A penalty or listing leaves the feed on the day on which it may no longer be shown."""
    if "atom" in request.headers.get("accept", ""):
        return _atom(platform, request, await feed_view(platform, limit=params.limit, cursor=params.cursor), lang)
    view = await feed_view(platform, limit=params.limit, cursor=params.cursor)
    base = base_url(platform, request)
    items = [_json_item(item, base, lang) for item in view["items"]]
    body: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": TITLE(lang),
        "language": "en" if lang == "en" else "zh-CN",
        "home_page_url": base + "/",
        "feed_url": base + "/v1/feed",
        "items": items,
    }
    if view["next"]:
        body["next_url"] = f"{base}/v1/feed?cursor={view['next']}"
    return _respond(view, orjson.dumps(body), JSON_FEED, next_link(request, view["next"]))


@router.get("/feed.atom", response_class=Response, responses={200: {"content": {ATOM: {}}}, **problem(422)})
@allow(Public())
async def feed_atom(request: Request, platform: CurrentPlatform, lang: RequestLang, params: page_params) -> Response:
    """The same as Atom."""
    return _atom(platform, request, await feed_view(platform, limit=params.limit, cursor=params.cursor), lang)


def _atom(platform: "Platform", request: Request, view: FeedView, lang: Lang) -> Response:
    base = base_url(platform, request)
    entries = "".join(_atom_entry(item, base, lang) for item in view["items"])
    updated = view["items"][0]["at"] if view["items"] else "2018-01-01T00:00:00Z"
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{"en" if lang == "en" else "zh-CN"}">'
        f"<id>{escape(base)}/v1/feed.atom</id><title>{escape(TITLE(lang))}</title><updated>{updated}</updated>"
        f'<link rel="self" href={quoteattr(base + "/v1/feed.atom")}/><link href={quoteattr(base + "/")}/>'
        f"<author><name>Pinzhi 品质</name></author>{entries}</feed>\n"
    )
    return _respond(view, body.encode(), ATOM, next_link(request, view["next"]))


def _respond(view: FeedView, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    age = view_response(view).headers
    kept = {name: age[name] for name in ("cache-control", "age") if name in age}
    return Response(body, media_type=media_type, headers={**kept, **headers, "Vary": "Accept, Accept-Language"})


def _json_item(item: FeedItem, base: str, lang: Lang) -> dict[str, Any]:
    return {
        "id": str(item["seq"]),
        "url": base + item["href"],
        "title": item["title_en"] if lang == "en" else item["title"],
        "content_text": item["summary_en"] if lang == "en" else item["summary"],
        "date_published": item["at"],
        "tags": [item["kind"]],
        "_pinzhi": {"seq": item["seq"], "kind": item["kind"], "uscc": item["uscc"], "area_code": item["area_code"]},
    }


def _atom_entry(item: FeedItem, base: str, lang: Lang) -> str:
    title = item["title_en"] if lang == "en" else item["title"]
    summary = item["summary_en"] if lang == "en" else item["summary"]
    return (
        f"<entry><id>{escape(base)}/v1/feed#{item['seq']}</id><title>{escape(title)}</title>"
        f"<updated>{item['at']}</updated><link href={quoteattr(base + item['href'])}/>"
        f"<category term={quoteattr(item['kind'])}/><summary>{escape(summary)}</summary></entry>"
    )


def base_url(platform: "Platform", request: Request) -> str:
    """Where clients reach the gateway, without a slash at the end."""
    return (platform.settings_as(Settings).public_url or str(request.base_url)).rstrip("/")
