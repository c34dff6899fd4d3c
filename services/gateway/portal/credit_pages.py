"""Red and black list, enterprise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from markupsafe import Markup, escape
from starlette.responses import RedirectResponse, Response

from services.gateway import views
from services.gateway.portal import charts, formats
from services.gateway.portal.charts import Life
from services.gateway.portal.errors import error_page
from services.gateway.portal.formats import Lang
from services.gateway.portal.query import Ask
from services.gateway.portal.rendering import WORDS, link, render
from services.gateway.portal.routing import Pages
from services.gateway.schemas import Colour, EnterpriseView, Listing, ListView, TimelineItem, Violation
from shared.errors import NotFound
from shared.identifiers import uscc
from shared.identifiers.errors import IdentifierError
from shared.reference import areas

pages = Pages()
KINDS = {
    "listing": "listing",
    "listing_removed": "listing",
    "violation": "violation",
    "recall": "recall",
    "recall_closed": "recall",
}
SIGNS = {"listing_removed": "移", "violation": "罚", "recall": "召", "recall_closed": "结"}
PAGE = 20
"""Lines of 经过 before 更早的 n 条."""


@pages.page("/lists")
async def lists(ask: Ask) -> Response:
    return RedirectResponse(link(ask.lang, "/lists/black", **ask.request.query_params))


@pages.page("/lists/black")
async def black(ask: Ask) -> Response:
    return await _list(ask, "black")


@pages.page("/lists/red")
async def red(ask: Ask) -> Response:
    return await _list(ask, "red")


async def _list(ask: Ask, colour: Colour) -> Response:
    q, area, cursor = ask.text("q"), ask.text("area", 12), ask.text("cursor", 500)
    ask.check()
    view = await views.list_view(ask.platform, colour, q=q, area=area, cursor=cursor)
    words = WORDS[ask.lang]
    count = _count(view, colour, q, area, ask.lang)
    return render(
        ask.request,
        "list.html",
        lang=ask.lang,
        title=words("colon").join(part for part in (words(f"{colour}_list"), q and f"{q} ({view['total']})") if part),
        current="lists",
        sheets=("pages.css",),
        view=view,
        colour=colour,
        q=q,
        area=area,
        area_options=_areas_to_choose(ask),
        count_text=count,
    )


def _count(view: ListView, colour: Colour, q: str | None, area: str | None, lang: Lang) -> str:
    words, total = WORDS[lang], formats.integer(view["total"])
    where = areas.get(area) if area else None
    if q:
        found = words("list_count_found", q=q, n=total)
        return f"{where.name}{words('colon')}{found}" if where else found
    if area:
        return words("list_count_area", area=where.name if where else area, n=total)
    return words(f"list_count_{colour}", n=total)


def _areas_to_choose(ask: Ask) -> list[tuple[str, str]]:
    city = areas.get(ask.platform.settings.city)
    below = areas.registry().children(ask.platform.settings.city, on=ask.today)
    return [(a.code, a.name) for a in ([city] if city else []) + below]


@dataclass(frozen=True)
class Plate:
    """A listing in force with its period bar and the words that say the same."""

    listing: Listing
    life: Life
    label: str


@dataclass(frozen=True)
class Line:
    """One line of 经过."""

    item: TimelineItem
    sign: str
    mark: str
    facts: list[Markup | str] = field(default_factory=list)
    href: str = ""
    link: str = ""


@dataclass(frozen=True)
class Older:
    before: str
    count: int


@pages.page("/enterprises/{uscc}")
async def enterprise(ask: Ask) -> Response:
    as_of, before = ask.day("as_of"), ask.day("before")
    kind = ask.choice("kind", tuple(dict.fromkeys(KINDS.values())))
    ask.check()
    code = ask.path("uscc")
    view = await views.enterprise_view(ask.platform, code, lang=ask.lang, as_of=as_of)
    words = WORDS[ask.lang]
    if view is None:
        zh, en = (WORDS[lang]("no_enterprise_lead", uscc=code[:40]) for lang in ("zh", "en"))
        return error_page(ask.request, NotFound("enterprise", zh=zh, en=en), hints=_what_is_wrong(code, ask.lang))
    day = as_of or ask.today
    credit = view["credit"]
    plates = [_plate(listing, day, ask.lang) for listing in credit["listings"]] if credit else []
    status = words("colon") + words(f"{plates[0].listing['colour']}_list") if plates else ""
    lines = [i for i in view["timeline"] if (not kind or KINDS[i["kind"]] == kind) and (not before or _on(i) < before)]
    shown = _whole_days(lines)
    return render(
        ask.request,
        "enterprise.html",
        lang=ask.lang,
        title=view["name"] + status,
        current="lists",
        sheets=("enterprise.css", "charts.css"),
        past=as_of,
        printable=True,
        view=view,
        as_of=as_of.isoformat() if as_of else None,
        plates=plates,
        measures=[(m, p.listing["authority_name"]) for p in plates for m in p.listing["measures"]],
        kind=kind,
        kinds=_kinds(view["timeline"]),
        years=_years([_line(item, view, ask.lang) for item in shown]),
        older=Older(shown[-1]["on"], len(lines) - len(shown)) if len(lines) > len(shown) else None,
    )


def _what_is_wrong(code: str, lang: Lang) -> list[str]:
    try:
        uscc.parse(code)
    except IdentifierError as error:
        return [error.zh if lang == "zh" else error.en]
    return []


def _plate(listing: Listing, today: date, lang: Lang) -> Plate:
    words = WORDS[lang]
    start, end = formats.parse_day(listing["valid_from"]), formats.parse_day(listing["valid_until"])
    removable = formats.parse_day(listing["removable_from"]) if listing["removable_from"] else None
    label = words("life_label", start=formats.day(start, lang), end=formats.day(end, lang))
    if start <= today <= end:
        label += words("life_label_passed", n=(today - start).days)
    if removable:
        label += words("life_label_removable", day=formats.day(removable, lang))
    return Plate(listing, charts.life(start, end, today, removable), label)


def _on(item: TimelineItem) -> date:
    return formats.parse_day(item["on"])


def _whole_days(lines: Sequence[TimelineItem]) -> list[TimelineItem]:
    """The first page; a day is never cut in two, because `before` names a day."""
    shown = list(lines[:PAGE])
    shown += [item for item in lines[PAGE:] if shown and _on(item) == _on(shown[-1])]
    return shown


def _kinds(items: Sequence[TimelineItem]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for item in items:
        counts[KINDS[item["kind"]]] = counts.get(KINDS[item["kind"]], 0) + 1
    return list(counts.items())


def _years(lines: Sequence[Line]) -> list[tuple[int, list[Line]]]:
    found: dict[int, list[Line]] = {}
    for line in lines:
        found.setdefault(_on(line.item).year, []).append(line)
    return list(found.items())


def _line(item: TimelineItem, view: EnterpriseView, lang: Lang) -> Line:
    words, kind, ref = WORDS[lang], item["kind"], item["ref"]
    credit = view["credit"]
    listings = {i["listing_id"]: i for i in (*credit["listings"], *credit["former_listings"])} if credit else {}
    if kind in ("recall", "recall_closed"):
        recall = next((r for r in view["recalls"] if r["recall_id"] == ref), None)
        title = words("link_recall", number=recall["number"]) if recall else words("nav_recalls")
        return Line(item, SIGNS[kind], "w" if kind == "recall" else "", [], link(lang, f"/recalls/{ref}"), title)
    if kind == "violation":
        violation = next((v for v in view["violations"] if v["violation_id"] == ref), None)
        if violation is None:
            return Line(item, SIGNS[kind], "w")
        facts: list[Markup | str] = [formats.foreign(violation["violation_type"], lang), _by(violation, lang)]
        if violation["fine_fen"]:
            facts.append(words("fact_fine", money=formats.money(violation["fine_fen"], lang)))
        facts.append(words("fact_shown_until", day=formats.day(violation["expires_on"], lang)))
        return Line(item, SIGNS[kind], "w", facts)
    listing = listings.get(ref)
    mark = {"black": "b", "red": "r"}.get(item["colour"] or "", "")
    sign = SIGNS.get(kind) or ("黑" if item["colour"] == "black" else "红")
    if listing is None:
        return Line(item, sign, mark)
    if kind == "listing_removed":
        reason = listing["removed_reason"]
        return Line(item, sign, "", [words(f"fact_removed_{reason}")] if reason else [])
    return Line(item, sign, mark, [formats.either(listing["ground"], listing["ground_en"], lang), _by(listing, lang)])


def _by(decision: Listing | Violation, lang: Lang) -> Markup:
    """Who decided, under which number."""
    return escape(WORDS[lang]("fact_violation")).format(
        authority=formats.foreign(decision["authority_name"], lang),
        document=formats.foreign(decision["document_number"], lang),
    )
