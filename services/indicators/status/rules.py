"""The nineteen comparators of the plan: one pure function for each kind, and `evaluate` as the only way in.

A function takes a `Case` and gives an `Outcome`. Where the plan leaves open what decides, the outcome is `cannot_tell`
and says what is undecided.
"""

from collections.abc import Callable
from dataclasses import replace

from services.indicators.observations.periods import Period, en_day, zh_day
from services.indicators.status import counts, rates, wholes
from services.indicators.status.figures import Case, Outcome
from services.indicators.status.shortfall import undecided

RULE_VERSION = "2026.1"
"""Raise it with every change that can change a light."""

COMPARATORS: dict[str, Callable[[Case], Outcome]] = {
    "at_least": counts.at_least,
    "hold_at_least": rates.hold_at_least,
    "about": rates.about,
    "full_coverage": rates.full_coverage,
    "at_most": counts.at_most,
    "equals_zero": counts.equals_zero,
    "zero_growth": counts.zero_growth,
    "more_than": counts.more_than,
    "breakthrough": counts.breakthrough,
    "yearly_range": counts.yearly_range,
    "range": counts.between,
    "grade": wholes.grade,
    "grade_every_area": wholes.grade_every_area,
    "per_unit_or": wholes.per_unit_or,
    "either_of": wholes.either_of,
    "mean_over_areas": wholes.mean_over_areas,
    "covers_all": wholes.covers_all,
    "milestone": wholes.milestone,
    "direction": wholes.direction,
}


def evaluate(case: Case) -> Outcome:
    outcome = COMPARATORS[case.rule.kind](case) if _has_any(case) else _without_figures(case)
    question = case.rule.question
    if question is not None and question.open and outcome.figure is not None:
        blocked = question.blocks == "any" or (question.blocks == "met" and outcome.light == "met")
        if blocked:
            return replace(undecided(case), figure=outcome.figure, number=outcome.number)
    return outcome


def _has_any(case: Case) -> bool:
    return bool(case.figures or case.classes or case.other or any(case.parts.values()))


def _without_figures(case: Case) -> Outcome:
    rule, year = case.rule, case.day.year
    if rule.kind == "milestone" and rule.deadline and case.day <= rule.deadline:
        day = rule.deadline
        return Outcome("not_due", f"期限{zh_day(day)}，还没有报送", f"Due {en_day(day)}; nothing reported yet")
    if rule.kind == "yearly_range" and year == rule.start.year and case.day < Period.year(year).end:
        return Outcome("not_due", f"{year}年还没有结束，还没有报送", f"{year} is not over; nothing reported yet")
    return Outcome("no_data", "没有报送过数据", "No figure was reported")
