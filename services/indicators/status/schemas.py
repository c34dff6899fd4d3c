"""Answers about lights."""

from datetime import date

from services.indicators.areas.schemas import AreaRef
from services.indicators.catalogue.schemas import DepartmentOut, QuestionOut
from shared.events.indicators import Light
from shared.web import Out


class StatusOut(Out):
    """One target's light in one area on one day. Numbers are decimal text in the target's unit (per cent for rates)."""

    target_id: str
    version: int
    position: int
    name: str
    name_en: str
    section: str
    quote: str
    goal: str
    goal_en: str
    comparator: str
    force: str
    unit: str
    deadline: str | None
    has_figure: bool
    lead_departments: list[DepartmentOut]
    departments: list[DepartmentOut]
    open_question: QuestionOut | None
    applies: bool
    """False in an area that the plan is not about: the goal is only a yardstick there."""
    light: Light
    light_zh: str
    light_en: str
    sentence: str
    sentence_en: str
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    """Bounds of the exact 95 % interval (Clopper-Pearson)."""
    high: str | None
    settle_n: int | None
    """Number of samples that would settle a light that cannot tell."""
    grade: str | None
    state: str | None
    period: str | None
    period_from: date | None
    period_to: date | None
    source: str | None
    origin: str | None
    """`reported` by a department, or summed from test `events`."""
    summed_areas: int
    missing_areas: list[str]
    provisional: bool
    """Always true where there is a figure: figures are not approved yet."""
    rule_version: str


class TargetStatus(StatusOut):
    area: AreaRef
    as_of: date


class SectionOut(Out):
    section: str
    title: str
    title_en: str
    target_ids: list[str]


class DashboardOut(Out):
    area: AreaRef
    as_of: date
    lights: dict[Light, int]
    """Number of targets with each light; all eight are there."""
    total: int
    with_figure: int
    items: list[StatusOut]
    """In the plan's order of targets."""
    sections: list[SectionOut]
    """The plan's sections in their order, with their targets."""
    rule_version: str
    approval_note: str = "数据均为暂定，尚未经审核批准 / all figures are provisional, not approved yet"


class SeriesPoint(Out):
    period: str
    period_from: date
    period_to: date
    area_code: str
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    grade: str | None
    state: str | None
    source: str | None
    origin: str
    summed_areas: int
    missing_areas: list[str]
    provisional: bool = True


class SeriesOut(Out):
    target_id: str
    area: AreaRef
    as_of: date
    unit: str
    goal: str
    goal_en: str
    items: list[SeriesPoint]
    """Oldest first."""


class RankOut(Out):
    """Rank: one more than the number of areas that are certainly better; what chance may have ordered shares it."""

    rank: int | None
    area_code: str | None
    area_name: str
    value: str
    n: int
    passed: int
    low: str
    high: str
    source: str | None
    provisional: bool = True


class RankingOut(Out):
    target_id: str
    area: AreaRef
    as_of: date
    period: str | None
    pooled: RankOut | None
    """Sum of passed over sum of n; never a mean of rates."""
    ranked: list[RankOut]
    not_ranked: list[RankOut]
    min_n: int
    min_n_source: str
    sentence: str
    sentence_en: str
