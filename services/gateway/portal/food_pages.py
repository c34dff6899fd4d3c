"""Scan and recalls. `scan_page` answers the Digital Link paths, where the language follows Accept-Language."""

from dataclasses import dataclass

from fastapi import Request
from markupsafe import Markup, escape
from starlette.responses import Response

from services.gateway import views
from services.gateway.portal import formats
from services.gateway.portal.counts import scan_counts
from services.gateway.portal.errors import error_page
from services.gateway.portal.formats import Lang
from services.gateway.portal.query import Ask
from services.gateway.portal.rendering import WORDS, link, render
from services.gateway.portal.routing import Pages
from services.gateway.schemas import ScanView
from shared.errors import NotFound, PlatformError
from shared.i18n import negotiate
from shared.platform import Platform
from shared.web.problems import as_platform_error

pages = Pages()
BANNERS = {
    "safe": ("met", "met"),
    "recalled": ("breached", "breached"),
    "held": ("at_risk", "pause"),
    "expired": ("off_track", "past_date"),
    "unknown": ("no_data", "no_data"),
    "suspicious": ("cannot_tell", "cannot_tell"),
}
"""Verdict: colour and glyph."""
MAX_CODE = 500


@dataclass(frozen=True)
class Banner:
    light: str
    icon: str
    lines: list[Markup]


@pages.page("/scan")
async def scan(ask: Ask) -> Response:
    """The entry without `code`, the answer with it."""
    code = ask.text("code", MAX_CODE)
    ask.check()
    if code is None:
        return _entry(ask.request, ask.lang)
    return await _answer(ask.request, ask.platform, code, ask.lang)


async def scan_page(platform: Platform, request: Request, code: str) -> Response:
    """The page of a scanned Digital Link path."""
    lang = negotiate(request.headers.get("accept-language"))
    try:
        answer = await _answer(request, platform, code, lang, other="en" if lang == "zh" else "zh")
    except Exception as error:
        answer = error_page(request, as_platform_error(error), lang=lang)
    answer.headers["Vary"] = "Accept, Accept-Language"
    return answer


async def _answer(request: Request, platform: Platform, code: str, lang: Lang, other: Lang | None = None) -> Response:
    try:
        view = await views.scan_view(platform, code, lang=lang)
    except PlatformError as error:
        if error.status not in (400, 422):
            raise
        problems = [e.en if lang == "en" else e.zh for e in error.errors] or [error.text(lang)]
        return _entry(request, lang, code=code, problems=problems)
    words = WORDS[lang]
    name = view["product"] and formats.either(view["product"]["name"], view["product"]["name_en"], lang).striptags()
    return render(
        request,
        "scan.html",
        lang=lang,
        title=words("colon").join(part for part in (words(f"verdict_{view['verdict']}"), name or view["gtin"]) if part),
        current="scan",
        sheets=("scan.css",),
        printable=True,
        other_url=link(other, "/scan", code=view["code"]) if other else None,
        view=view,
        counts=await scan_counts(platform, view),
        banner=banner(view, lang, formats.moment(platform.clock.now(), lang)),
        code=view["code"],
        errors=[],
    )


def _entry(request: Request, lang: Lang, *, code: str = "", problems: list[str] | None = None) -> Response:
    words = WORDS[lang]
    title = words("error_prefix", title=words("scan_invalid_h1")) if problems else words("scan_h1")
    return render(
        request,
        "scan_entry.html",
        lang=lang,
        title=title,
        current="scan",
        sheets=("scan.css",),
        status=400 if problems else 200,
        code=code,
        errors=problems or [],
    )


def banner(view: ScanView, lang: Lang, checked: str) -> Banner:
    """The verdict with its reason; `safe` says what was looked at."""
    words, verdict = WORDS[lang], view["verdict"]
    twins = zip(view["reasons"], [*view["reasons_en"], *([None] * len(view["reasons"]))], strict=False)
    reasons = [formats.either(zh, en, lang) for zh, en in twins]
    lines: list[Markup | str] = []
    if verdict == "safe":
        known = [check for check in view["checks"] if check["ok"] is not None]
        lines = [words("safe_line", at=checked, n=len(known))]
    elif verdict == "recalled":
        recall = view["recall"]
        lines = [formats.either(recall["reason"], recall["reason_en"], lang)] if recall else [*reasons]
        if recall:
            started = formats.day(recall["started_on"], lang)
            lines.append(words("recall_since", day=started, level=words(f"level_{recall['level']}")))
    elif verdict == "held":
        lines = [*reasons, words("held_line")]
    elif verdict == "expired":
        day = view["expires_on"]
        lines = [words("expired_line", day=formats.day(day, lang))] if day else [*reasons]
    elif verdict == "unknown":
        lines = [*reasons, words("unknown_line")]
    else:
        lines = [*reasons]
    if verdict != "safe":
        lines.append(words("checked_at", at=checked))
    return Banner(*BANNERS[verdict], [escape(line) for line in lines])


@pages.page("/recalls")
async def recalls(ask: Ask) -> Response:
    q, cursor = ask.text("q"), ask.text("cursor", 500)
    state = ask.choice("state", ("open", "closed", "all")) or "open"
    ask.check()
    view = await views.recalls_view(ask.platform, state=state, q=q, cursor=cursor)
    words, total = WORDS[ask.lang], formats.integer(view["total"])
    items = [
        {**item, "products": list(dict.fromkeys(lot["product_name"] for lot in item["lots"]))} for item in view["items"]
    ]
    first = (
        words("recalls_h1") if state == "open" else f"{words('recalls_h1')}{words('colon')}{words(f'recalls_{state}')}"
    )
    return render(
        ask.request,
        "recalls.html",
        lang=ask.lang,
        title=first + (f"{words('colon')}{q} ({total})" if q else ""),
        current="recalls",
        sheets=("pages.css",),
        view={**view, "items": items},
        q=q,
        state=state,
        count_text=words("recalls_count_q", q=q, n=total) if q else words("recalls_count", n=total),
    )


@pages.page("/recalls/{recall_id}")
async def recall(ask: Ask) -> Response:
    recall_id = ask.path("recall_id")
    view = await views.recall_view(ask.platform, recall_id)
    if view is None:
        raise NotFound("recall", zh=f"没有编号为“{recall_id}”的召回。", en=f"No recall has the id “{recall_id}”.")
    case = view["recall"]
    products = list(dict.fromkeys(lot["product_name"] for lot in case["lots"]))
    return render(
        ask.request,
        "recall.html",
        lang=ask.lang,
        title=f"{WORDS[ask.lang]('recall_h1')}{'、'.join(products[:2])} {case['number']}",
        current="recalls",
        sheets=("scan.css", "tables.css", "pages.css"),
        view=view,
        products=products,
        printable=True,
    )
