"""Templates, what every page has in common, and the headers that every page carries."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from services.gateway.feed.api import base_url
from services.gateway.portal import assets, formats
from services.gateway.portal.formats import Lang
from services.gateway.portal.icons import Sprite
from services.gateway.portal.texts import TEXTS, Words
from services.gateway.portal.texts.common import CITY_NAMES
from services.gateway.portal.texts.food import BIZSTEPS
from shared.clock import shanghai_date
from shared.reference import areas, departments
from shared.web.routing import platform_of

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NAV = (("city", "/"), ("lists", "/lists/black"), ("scan", "/scan"), ("recalls", "/recalls"))

WORDS: dict[Lang, Words] = {"zh": Words("zh"), "en": Words("en")}

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def lang_of_path(path: str) -> Lang:
    return "en" if path == "/en" or path.startswith("/en/") else "zh"


def bare_path(path: str) -> str:
    """The path without its language."""
    if lang_of_path(path) == "zh":
        return path
    return path[3:] or "/"


def link(lang: Lang, path: str, **query: str | None) -> str:
    """Address of a page in a language; parts of the query that are empty are left out. Digital Link paths and API
    paths have no language."""
    pairs = [(key, value) for key, value in query.items() if value]
    prefix = "/en" if lang == "en" and not path.startswith(("/01/", "/v1/", "/static/")) else ""
    return prefix + path + ("?" + urlencode(pairs) if pairs else "")


def swap_language(request: Request, lang: Lang) -> str:
    """The same page, query and day in the other language."""
    pairs = [(key, value) for key, value in request.query_params.multi_items() if value]
    other: Lang = "en" if lang == "zh" else "zh"
    return link(other, bare_path(request.url.path)) + ("?" + urlencode(pairs) if pairs else "")


def render(
    request: Request,
    template: str,
    *,
    lang: Lang,
    title: str,
    sheets: Sequence[str] = (),
    current: str | None = None,
    status: int = 200,
    past: date | None = None,
    printable: bool = False,
    other_url: str | None = None,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """One whole page. `title` is the first part of the document title: page – section – site."""
    platform = platform_of(request)
    now = platform.clock.now()
    city = areas.get(platform.settings.city)
    city_zh = city.name if city else platform.settings.city
    city_name = city_zh if lang == "zh" else CITY_NAMES.get(platform.settings.city, city_zh)
    words, sprite = WORDS[lang], Sprite()
    if past:
        title += words("sep") + formats.day(past, lang)
    parts = [title, words(f"nav_{current}") if current else "", words("site", city=city_name)]
    path, query = request.url.path, request.url.query
    self_bare = bare_path(path)
    without_day = [(k, v) for k, v in request.query_params.multi_items() if k != "as_of" and v]
    url = _public_url(request)
    body = _templates.get_template(template).render(
        **_language_tools(lang),
        t=words,
        lang=lang,
        html_lang="zh-CN" if lang == "zh" else "en",
        title=" – ".join(part for part in dict.fromkeys(parts) if part),
        site_long=words("site_long", city=city_name),
        sheets=("tokens.css", "base.css", *sheets),
        static=assets.url,
        icon=sprite.icon,
        sprite=sprite.sprite,
        nav=NAV,
        current=current,
        demo=platform.settings.demo,
        past=past,
        present_url=path + ("?" + urlencode(without_day) if without_day else ""),
        other_url=other_url or swap_language(request, lang),
        other_hreflang="en" if lang == "zh" else "zh-CN",
        self_url=path + (f"?{query}" if query else ""),
        self_path=path,
        self_bare=self_bare,
        now=now,
        today=shanghai_date(now).isoformat(),
        seconds_since=lambda value: max(0.0, (now - formats.parse_instant(value)).total_seconds()),
        print_url=url if printable else None,
        qr=qr(url) if printable else "",
        **values,
    )
    answer = HTMLResponse(body, status, {**HEADERS, **(headers or {})})
    answer.headers["Content-Language"] = "en" if lang == "en" else "zh-CN"
    # A page is asked for again each time: a stale "safe" after a recall is a defect.
    answer.headers["Cache-Control"] = "no-cache" if status < 400 else "no-store"
    return answer


def _public_url(request: Request) -> str:
    """The address of the page as the public reaches it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return base_url(platform_of(request), request) + request.url.path + query


@lru_cache(maxsize=512)
def qr(url: str) -> Markup:
    """The address as a QR code for the printed page (the stylesheet gives it 36 mm)."""
    import segno

    # segno writes SVG of its own making; the address is only encoded in its path.
    return Markup(segno.make(url, error="m", micro=False).svg_inline(border=4, omitsize=True, svgclass="qr"))  # noqa: S704


def period(text: str, lang: Lang) -> str:
    """2018Q3, 2018-09, 2018, 2018-12-31 and intervals of two of them as people say them; anything else as it is."""
    zh = lang == "zh"
    if "/" in text:
        return ("至" if zh else " to ").join(period(part, lang) for part in text.split("/"))
    if text == "unknown":
        return "时期不明" if zh else "period unknown"
    if text == "every year":
        return "每年" if zh else text
    if len(text) == 6 and text[4] == "Q" and text[:4].isdigit():
        return f"{text[:4]}年{'一二三四'[int(text[5]) - 1]}季度" if zh else f"Q{text[5]} {text[:4]}"
    if len(text) == 4 and text.isdigit():
        return f"{text}年" if zh else text
    parts = text.split("-")
    if all(part.isdigit() for part in parts) and len(parts) == 3:
        return formats.day(text, lang)
    if all(part.isdigit() for part in parts) and len(parts) == 2:
        return f"{parts[0]}年{int(parts[1])}月" if zh else f"{formats.short_day(text + '-01', 'en')[2:]} {parts[0]}"
    return text


def source(text: str, lang: Lang) -> Markup:
    """A source; an address becomes a link."""
    if text.startswith(("http://", "https://")):
        href, _, rest = text.partition(" ")
        host = href.split("/")[2]
        return Markup('<a href="{}" rel="noreferrer">{}</a> {}').format(href, host, formats.foreign(rest, lang))
    return formats.foreign(text, lang)


def lot_path(lot_id: str) -> str:
    """Digital Link path of a lot id `<gtin14>.<lot>`."""
    gtin, _, lot = lot_id.partition(".")
    return f"/01/{gtin}/10/{quote(lot, safe='')}"


def department_name(name: str) -> str:
    """A department by its code or by the name that the plan gives it."""
    found = departments.get(name)
    return found.short_name if found else name


def _bizstep(step: str, lang: Lang) -> str:
    texts = BIZSTEPS.get(step.rsplit("-", 1)[-1].rsplit(":", 1)[-1])
    return texts[0 if lang == "zh" else 1] if texts else step


def _claim(code: str, lang: Lang) -> str:
    texts = TEXTS.get(f"claim_{code}")
    return texts[0 if lang == "zh" else 1] if texts else code


def _names(values: Iterable[str], lang: Lang) -> Markup:
    return formats.enumerate_texts([department_name(value) for value in values], lang)


@lru_cache(maxsize=2)
def _language_tools(lang: Lang) -> dict[str, Callable[..., Any]]:
    def either(zh: str | None, en: str | None) -> Markup:
        return formats.either(zh, en, lang)

    def plain(zh: str, en: str | None) -> str:
        return en if lang == "en" and en else zh

    def zh_attr(text: str) -> Markup:
        return Markup(' lang="zh-CN"') if lang == "en" and not text.isascii() else Markup("")

    def dots(value: str) -> str:
        d = formats.parse_day(value)
        return f"{d.year}.{d.month}.{d.day}"

    return {
        "url": partial(link, lang),
        "day": lambda value: formats.day(value, lang),
        "short_day": lambda value: formats.short_day(value, lang),
        "moment": lambda value: formats.moment(value, lang),
        "clock": formats.clock,
        "age": lambda seconds: formats.age(seconds, lang),
        "integer": formats.integer,
        "fig": lambda value, unit: formats.figure(value, unit, lang),
        "uscc": formats.uscc,
        "foreign": lambda text: formats.foreign(text, lang),
        "either": either,
        "plain": plain,
        "zh_attr": zh_attr,
        "names": lambda values: _names(values, lang),
        "claims": lambda codes: formats.enumerate_texts([_claim(code, lang) for code in codes], lang),
        "period": lambda text: period(text, lang),
        "deadline": lambda text: period(text, lang),
        "source": lambda text: source(text, lang),
        "dept_name": department_name,
        "lot_path": lot_path,
        "bizstep": lambda step: _bizstep(step, lang),
        "dots": dots,
    }
