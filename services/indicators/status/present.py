"""Lights as answers, and as ready bytes."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from services.indicators.areas import service as areas
from services.indicators.areas.schemas import AreaRef
from services.indicators.catalogue.present import section_titles, target_of
from services.indicators.catalogue.targets import Rule
from services.indicators.status import wording
from services.indicators.status.figures import Figure
from services.indicators.status.numbers import exact_interval, shown
from services.indicators.status.rules import RULE_VERSION
from services.indicators.status.schemas import DashboardOut, SectionOut, SeriesPoint, StatusOut
from services.indicators.status.service import Lit, applies

_FROM_TARGET = (
    "target_id",
    "version",
    "position",
    "name",
    "name_en",
    "section",
    "quote",
    "goal",
    "goal_en",
    "comparator",
    "force",
    "unit",
    "deadline",
    "has_figure",
    "lead_departments",
    "departments",
    "open_question",
)


def area_ref(code: str) -> AreaRef:
    return AreaRef(code=code, name=areas.name_of(code))


def status_of(lit: Lit, area: str) -> StatusOut:
    target, figure, light = target_of(lit.target), lit.outcome.figure, lit.outcome.light
    return StatusOut(
        **{name: getattr(target, name) for name in _FROM_TARGET},
        applies=applies(lit.target, area),
        light=light,
        light_zh=wording.LIGHTS[light].zh,
        light_en=wording.LIGHTS[light].en,
        sentence=lit.sentence,
        sentence_en=lit.sentence_en,
        value=lit.value,
        n=figure.n if figure else None,
        passed=figure.passed if figure else None,
        low=lit.low,
        high=lit.high,
        settle_n=lit.outcome.settle_n,
        grade=figure.grade if figure else None,
        state=figure.state if figure else None,
        period=figure.period.label if figure else None,
        period_from=figure.period.start if figure else None,
        period_to=figure.period.end if figure else None,
        source=figure.source if figure else None,
        origin=figure.origin if figure else None,
        summed_areas=figure.summed if figure else 0,
        missing_areas=list(figure.missing) if figure else [],
        provisional=figure is not None,
        rule_version=RULE_VERSION,
    )


def dashboard_of(lit: Sequence[Lit], area: str, day: date) -> DashboardOut:
    statuses = [status_of(each, area) for each in lit]
    counted = Counter(status.light for status in statuses)
    inside: dict[str, list[str]] = {section: [] for section in section_titles()}
    for status in statuses:
        inside.setdefault(status.section, []).append(status.target_id)
    sections = []
    for section, members in inside.items():
        if members:
            title, title_en = section_titles().get(section, (section, section))
            sections.append(SectionOut(section=section, title=title, title_en=title_en, target_ids=members))
    return DashboardOut(
        area=area_ref(area),
        as_of=day,
        lights={light: counted[light] for light in wording.LIGHTS},
        total=len(statuses),
        with_figure=sum(1 for status in statuses if status.has_figure),
        items=statuses,
        sections=sections,
        rule_version=RULE_VERSION,
    )


def bounds_of(rule: Rule, figure: Figure) -> tuple[str | None, str | None]:
    if not (rule.sampled and figure.n and figure.passed is not None):
        return None, None
    low, high = exact_interval(figure.passed, figure.n)
    guard = wording.fences(rule)
    return str(shown(low, wording.RATE_PLACES, guard)), str(shown(high, wording.RATE_PLACES, guard))


def point_of(rule: Rule, figure: Figure, area: str) -> SeriesPoint:
    low, high = bounds_of(rule, figure)
    return SeriesPoint(
        period=figure.period.label,
        period_from=figure.period.start,
        period_to=figure.period.end,
        area_code=area,
        value=wording.decimal_text(rule, figure.number) if figure.number is not None else None,
        n=figure.n,
        passed=figure.passed,
        low=low,
        high=high,
        grade=figure.grade,
        state=figure.state,
        source=figure.source,
        origin=figure.origin,
        summed_areas=figure.summed,
        missing_areas=list(figure.missing),
    )
