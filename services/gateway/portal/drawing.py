"""A target's series and its areas as titles, readings and drawings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from services.gateway.portal import charts, formats
from services.gateway.portal.charts import Chart, Sample
from services.gateway.portal.formats import Lang
from services.gateway.portal.rendering import WORDS, department_name, period, source
from services.gateway.schemas import AreaLight, SeriesPoint, TargetLight, TargetView
from shared.reference import areas


@dataclass(frozen=True)
class Focus:
    """What `trend.html` and `areas.html` show of one target."""

    target: TargetLight
    area_code: str
    title: str
    reading: str
    series: list[SeriesPoint] | None
    trend_wide: Chart | None
    trend_phone: Chart | None
    areas: list[AreaLight]
    areas_title: str
    areas_reading: str
    areas_wide: Chart | None
    areas_phone: Chart | None


def focus(view: TargetView, lang: Lang) -> Focus:
    target = view["target"]
    rate = target["unit"].strip().startswith("%")
    known = [p for p in view["series"] or [] if p["value"] is not None]
    samples = _trend_samples(target, known, lang)
    goal = goal_value(target)
    goal_text = formats.tick_value(goal, rate) if goal is not None else ""
    drawn = [charts.trend(samples, goal=goal, goal_text=goal_text, rate=rate, phone=phone) for phone in (False, True)]
    compared, title, reading, pooled = _areas(view, rate, lang)
    rows = [_area_sample(a, target, lang) for a in compared if a["value"] is not None] if rate else []
    bars = (
        [charts.areas(rows, pooled=pooled, phone=phone) for phone in (False, True)] if len(rows) > 1 else [None, None]
    )
    return Focus(
        target, view["area_code"], _trend_title(target, view["series"], known, lang),
        _trend_reading(target, drawn[0], rate, lang), view["series"], drawn[0], drawn[1],
        compared, title, reading, bars[0], bars[1],
    )  # fmt: skip


def provenance(target: TargetLight, lang: Lang) -> list[Markup | str]:
    """What must stand beside a figure and is not in its sentence yet: department, period, n, day, source, state."""
    words = WORDS[lang]
    sentence = (target["sentence_en"] if lang == "en" and target["sentence_en"] else target["sentence"]) or ""
    names = [department_name(code) for code in target["lead_departments"] or target["departments"]]
    pieces: list[Markup | str] = []
    if not names:
        pieces.append(words("dept_none"))
    elif not all(name in sentence for name in names):
        pieces.append(formats.enumerate_texts(names, lang))
    if target["period"] and period(target["period"], lang) not in sentence:
        pieces.append(period(target["period"], lang))
    n, passed = target["n"], target["passed"]
    if n is not None and not {str(n), f"{n:,}"} & set(re.findall(r"[\d,]*\d", sentence)):
        known = words("n_batches", n=formats.integer(n), passed=formats.integer(passed))
        pieces.append(known if passed is not None else f"n = {formats.integer(n)}")
    if target["lit_as_of"]:
        pieces.append(words("as_of_day", day=formats.day(target["lit_as_of"], lang)))
    if target["source"]:
        pieces.append(escape(words("source")) + source(target["source"], lang))
    if target["provisional"] and not any(word in sentence for word in ("暂定", "provisional")):
        pieces.append(words("provisional"))
    return pieces


def goal_value(target: TargetLight) -> float | None:
    """The one number of the goal (years left out); None where the goal has none or several."""
    found = re.findall(r"\d+(?:\.\d+)?(?!\d*年)(?![\d.])", re.sub(r"\d{4}\s*年", "", target["goal"]))
    return float(found[0]) if len(found) == 1 else None


def name_of(target: TargetLight, lang: Lang) -> str:
    return target["name_en"] if lang == "en" and target["name_en"] else target["name"]


def _short(text: str) -> str:
    """A period as the label of an axis: 18Q3, 2024, 18-09."""
    return text[2:] if re.fullmatch(r"\d{4}(Q\d|-\d\d)", text) else text


def _trend_samples(target: TargetLight, points: Sequence[SeriesPoint], lang: Lang) -> list[Sample]:
    bad = target["light"] in ("breached", "off_track")
    return [
        Sample(
            _short(p["period"]),
            float(p["value"] or 0),
            float(p["low"]) if p["low"] is not None else None,
            float(p["high"]) if p["high"] is not None else None,
            note=formats.figure(p["value"], target["unit"], lang),
            bad=bad and p["period"] == target["period"],
        )
        for p in points
    ]


def _trend_title(
    target: TargetLight, series: Sequence[SeriesPoint] | None, known: Sequence[SeriesPoint], lang: Lang
) -> str:
    words, name = WORDS[lang], name_of(target, lang)
    if series is None:
        return words("trend_title_down", name=name)
    if not known:
        return words("trend_title_none", name=name)
    first, last = known[0], known[-1]
    end = formats.figure(last["value"], target["unit"], lang)
    if len(known) == 1:
        return words("trend_title_one", name=name, period=period(last["period"], lang), value=end)
    return words(
        "trend_title_many",
        name=name,
        first=period(first["period"], lang),
        a=formats.figure(first["value"], target["unit"], lang),
        last=period(last["period"], lang),
        b=end,
    )


def _trend_reading(target: TargetLight, chart: Chart | None, rate: bool, lang: Lang) -> str:
    words = WORDS[lang]
    if chart is None:
        return ""
    text = (
        words("reading_rate")
        if rate
        else words("reading_count", unit=formats.unit_word(target["unit"], lang) or words("number_of"))
    )
    text += words("reading_cut") if chart.cut else ""
    return text + (words("reading_goal") if chart.goal else "") + words("stop")


def _areas(view: TargetView, rate: bool, lang: Lang) -> tuple[list[AreaLight], str, str, float | None]:
    """The areas to compare: those directly below the asked one with its own value as the pooled one, else all others.
    Areas of different levels are never pooled: one may hold the other."""
    words, target = WORDS[lang], view["target"]
    name = name_of(target, lang)
    others = [a for a in view["areas"] if a["area_code"] != view["area_code"] and a["light"] != "no_data"]
    below = [a for a in others if _parent(a["area_code"]) == view["area_code"]]
    if rate and len(below) > 1 and target["value"] is not None:
        bounds = [(float(a["low"]), float(a["high"])) for a in below if a["low"] is not None and a["high"] is not None]
        overlap = not bounds or max(low for low, _ in bounds) <= min(high for _, high in bounds)
        title = words("areas_title_overlap") if overlap else words("areas_title_apart")
        reading = words(
            "areas_reading", name=name, rate=formats.percent(target["value"]), n=formats.integer(target["n"])
        )
        return below, title, reading, float(target["value"])
    return others, words("areas_title_plain"), words("areas_reading_plain", name=name), None


def _parent(code: str) -> str | None:
    area = areas.get(code)
    return area.parent if area else None


def _area_sample(area: AreaLight, target: TargetLight, lang: Lang) -> Sample:
    few = area["light"] == "cannot_tell"
    note = f"{area['passed']:,}/{area['n']:,} " if area["passed"] is not None and area["n"] is not None else ""
    return Sample(
        area["area_name"] or area["area_code"],
        float(area["value"] or 0),
        float(area["low"]) if area["low"] is not None else None,
        float(area["high"]) if area["high"] is not None else None,
        note=note + formats.figure(area["value"], target["unit"], lang),
        few=few,
    )
