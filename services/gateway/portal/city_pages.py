"""Dashboard and target."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from starlette.responses import Response

from services.gateway import views
from services.gateway.portal import charts, drawing
from services.gateway.portal.formats import Lang
from services.gateway.portal.query import Ask
from services.gateway.portal.rendering import HEADERS, WORDS, department_name, render
from services.gateway.portal.routing import Pages
from services.gateway.portal.texts.city import CITY, CLAUSES
from services.gateway.schemas import CityView, SeriesPoint, TargetLight, TargetView
from shared import csvtext
from shared.errors import NotFound
from shared.events.indicators import Light
from shared.reference import areas
from shared.web.header_values import file_named

pages = Pages()
LIGHTS: tuple[Light, ...] = get_args(Light)
WORST_FIRST: tuple[Light, ...] = (
    "breached", "off_track", "at_risk", "cannot_tell", "on_track", "met", "not_due", "no_data",
)  # fmt: skip
FIRST = 3
"""Cards of 先看这些 before the filters are used."""


@dataclass(frozen=True)
class Clause:
    code: str
    name: str
    targets: list[TargetLight]


@pages.page("/")
async def dashboard(ask: Ask) -> Response:
    as_of = ask.day("as_of")
    area = ask.text("area", 12)
    light = ask.choice("light", (*LIGHTS, "attention"))
    dept = ask.text("dept")
    editing = ask.text("edit") is not None
    ask.check()
    area = None if area == ask.platform.settings.city else area
    # `attention` is the portal's word for a list that the view gives anyway.
    view = await views.city_view(
        ask.platform,
        area=area,
        as_of=as_of,
        light=light if light in LIGHTS else None,
        dept=dept,
        lang=ask.lang,
    )
    filtered = bool(light or dept)
    shown = view["targets"] if filtered else view["attention"][:FIRST]
    if light == "attention":
        shown = [t for t in view["attention"] if not dept or dept in (*t["lead_departments"], *t["departments"])]
    measured = next((t for t in view["attention"] if t["value"] is not None), None)
    focus = None
    if measured and not filtered:
        one = await views.target_view(ask.platform, measured["target_id"], area=area, as_of=as_of, lang=ask.lang)
        focus = drawing.focus(one, ask.lang) if one else None
    lights_known = not any(error["part"] == "indicators" for error in view["errors"])
    day = (as_of or ask.today).isoformat()
    city = areas.get(ask.platform.settings.city)
    whole = WORDS[ask.lang]("whole_city", name=city.name if city else ask.platform.settings.city)
    label = (view["area_name"] or view["area_code"]) if area else whole
    return render(
        ask.request,
        "dashboard.html",
        lang=ask.lang,
        title=_title(ask.lang, light, dept, label if area else None, len(shown)),
        current="city",
        sheets=("dashboard.css", "tables.css", "charts.css"),
        past=as_of,
        view=view,
        sentence=sentence(view, ask.lang) if lights_known else WORDS[ask.lang]("part_missing"),
        lights_known=lights_known,
        provenance_of=partial(drawing.provenance, lang=ask.lang),
        editing=editing,
        shown_day=day,
        area=area,
        as_of=as_of.isoformat() if as_of else None,
        light=light,
        dept=dept,
        filtered=filtered,
        light_names=LIGHTS,
        area_label=label,
        area_options=[("", whole), *_areas_to_choose(ask, view)],
        areas_with_data=[a for a in view["areas"] if a["area_code"] != view["area_code"]],
        lights=[(key, view["lights"].get(key, 0)) for key in LIGHTS],
        bar=charts.bar([(key, view["lights"].get(key, 0)) for key in LIGHTS]),
        shown=shown,
        groups=clauses(view, ask.lang),
        focus=focus,
        open_tables=False,
    )


def _title(lang: Lang, light: str | None, dept: str | None, area: str | None, shown: int) -> str:
    words = WORDS[lang]
    first = words("city_title")
    if light:
        first = words("all_attention") if light == "attention" else words(f"light_{light}")
    title = words("colon").join(part for part in (area, first, dept and department_name(dept)) if part)
    return f"{title} ({shown})" if light or dept else title


def _areas_to_choose(ask: Ask, view: CityView) -> list[tuple[str, str]]:
    city = ask.platform.settings.city
    below = {a.code: a.name for a in areas.registry().children(city, on=ask.today)}
    below |= {a["area_code"]: a["area_name"] or a["area_code"] for a in view["areas"] if a["area_code"] != city}
    return list(below.items())


def sentence(view: CityView, lang: Lang) -> str:
    """Where the city stands, in one sentence; what is zero is not said."""
    words, n = WORDS[lang], view["lights"]
    parts = []
    if good := n.get("met", 0) + n.get("on_track", 0):
        parts.append(words("sum_good", n=good))
    bad = [words(f"sum_{key}", n=n[key]) for key in ("breached", "off_track", "at_risk") if n.get(key)]
    if bad:
        parts.append(words("sum_bad", parts=("、" if lang == "zh" else ", ").join(bad)))
    parts += [words(f"sum_{key}", n=n[key]) for key in ("cannot_tell", "not_due", "no_data") if n.get(key)]
    total = words("sum_total", total=view["total"], figures=view["with_figure"])
    return total + words("sep") + ("；" if lang == "zh" else "; ").join(parts) + words("stop")


def clause_of(section: str) -> str:
    """`二(七)` of `二(七)第2段`."""
    return section[: section.find(")") + 1] or section


def clause_name(code: str, lang: Lang) -> str:
    return CLAUSES[code][0 if lang == "zh" else 1] if code in CLAUSES else ""


def clauses(view: CityView, lang: Lang) -> list[Clause]:
    """The sections gathered by clause, in the order of the plan; in each clause the worst light first."""
    found: dict[str, list[TargetLight]] = {}
    for section in view["sections"]:
        found.setdefault(clause_of(section["section"]), []).extend(section["targets"])
    plan = {code: place for place, code in enumerate(CLAUSES)}
    return [
        Clause(code, clause_name(code, lang), sorted(found[code], key=lambda t: WORST_FIRST.index(t["light"])))
        for code in sorted(found, key=lambda code: plan.get(code, len(plan)))
    ]


async def _target(ask: Ask) -> tuple[TargetView, str | None, str | None]:
    as_of, area = ask.day("as_of"), ask.text("area", 12)
    ask.check()
    area = None if area == ask.platform.settings.city else area
    target_id = ask.path("target_id")
    view = await views.target_view(ask.platform, target_id, area=area, as_of=as_of, lang=ask.lang)
    if view is None:
        zh, en = f"没有编号为“{target_id}”的目标。", f"No target has the id “{target_id}”."
        raise NotFound("target", zh=zh, en=en)
    return view, area, as_of.isoformat() if as_of else None


@pages.page("/targets/{target_id}")
async def target(ask: Ask) -> Response:
    view, area, as_of = await _target(ask)
    row, words = view["target"], WORDS[ask.lang]
    code = clause_of(row["section"])
    method = f"method_{row['comparator']}"
    departments = row["lead_departments"] or row["departments"]
    names = "、".join(map(department_name, departments)) if departments else words("responsible_dept")
    place = (view["area_name"] or view["area_code"]) if area else ""
    return render(
        ask.request,
        "target.html",
        lang=ask.lang,
        title=drawing.name_of(row, ask.lang) + (words("colon") + place if place else ""),
        current="city",
        sheets=("target.css", "tables.css", "charts.css"),
        past=ask.day("as_of"),
        printable=True,
        view=view,
        area=area,
        as_of=as_of,
        provenance_of=partial(drawing.provenance, lang=ask.lang),
        clause_code=code,
        clause_name=clause_name(code, ask.lang),
        plain_departments=names,
        focus=drawing.focus(view, ask.lang),
        method=words(method if method in CITY else "method_other"),
        open_tables=True,
    )


@pages.page("/targets/{target_id}/series.csv")
async def series(ask: Ask) -> Response:
    """The series of a target as CSV (UTF-8 with a mark, so that spreadsheets read the Chinese)."""
    view, _, _ = await _target(ask)
    body = to_csv(view["series"] or [])
    name = f"{view['target']['target_id']}-{view['area_code']}.csv"
    headers = {**HEADERS, "Content-Disposition": file_named(name)}
    status = 200 if view["series"] is not None else 503
    return Response(body, status, headers, "text/csv; charset=utf-8")


def to_csv(points: Sequence[SeriesPoint]) -> bytes:
    columns = ("period", "area_code", "value", "n", "passed", "low", "high", "provisional", "source")
    rows = ([dict(point)[column] for column in columns] for point in points)
    return (csvtext.MARK + "".join(map(csvtext.line, (columns, *rows)))).encode()
