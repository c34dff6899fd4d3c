"""Lights of an area as of a day: three queries for all targets, then pure rules."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.indicators.areas import service as areas
from services.indicators.areas.rules import Tree
from services.indicators.catalogue import repository as catalogue
from services.indicators.catalogue.models import TargetVersion
from services.indicators.catalogue.present import department_names
from services.indicators.catalogue.rules import rule_of
from services.indicators.catalogue.targets import Rule
from services.indicators.counts.repository import sampled_months
from services.indicators.observations import repository as observations
from services.indicators.observations.periods import Period
from services.indicators.status import wording
from services.indicators.status.assemble import Stored, case_of
from services.indicators.status.figures import Figure, Outcome
from services.indicators.status.numbers import exact_interval, shown
from services.indicators.status.rules import RULE_VERSION, evaluate
from shared.db import AsyncSession


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of an area and those below it."""

    root: str
    day: date
    targets: Sequence[TargetVersion]
    stored: Mapping[str, Stored]
    located: Mapping[str, str | None]
    """Keys of areas with figures -> where an area without a code lies."""

    def tree(self, area: str) -> Tree:
        return areas.tree_of(area, self.located.items())


@dataclass(frozen=True, slots=True)
class Lit:
    """One target with its light, ready to be shown."""

    target: TargetVersion
    rule: Rule
    outcome: Outcome
    sentence: str
    sentence_en: str
    value: str | None
    low: str | None
    high: str | None


async def know(
    session: AsyncSession,
    root: str,
    day: date,
    known_at: datetime,
    only: Collection[str] | None = None,
    targets: Sequence[TargetVersion] | None = None,
) -> Known:
    """Load the figures of `root` and below; `only` limits it to some targets, `targets` are the rows if at hand."""
    if targets is None:
        targets = await catalogue.known(session, day, known_at)
    stored: dict[str, Stored] = defaultdict(Stored)
    located: dict[str, str | None] = {}
    for row in await observations.figures(session, root, day, known_at, only):
        key = row.area_code if row.area_code is not None else areas.functional(row.within, row.area_name)
        located[key] = None if row.area_code is not None else row.within
        stored[row.target_id].figures[key].append(
            Figure(
                area=row.area_code,
                period=Period(row.period_from, row.period_to),
                value=row.value,
                n=row.n,
                passed=row.passed,
                grade=row.grade,
                state=row.state,
                components=row.components or {},
                breakdown=row.breakdown,
                category=row.category,
                source=row.source,
            )
        )
    for target_id, month in await sampled_months(session, root, day, known_at, only):
        located.setdefault(month.area, None)
        stored[target_id].sampled.append(month)
    return Known(root, day, targets, stored, located)


def light_all(known: Known, area: str, only: Collection[str] | None = None) -> list[Lit]:
    """The lights of one area, in the plan's order."""
    tree = known.tree(area)
    rules = {row.target_id: rule_of(row.body, row.digest) for row in known.targets}
    empty = Stored()
    lit = []
    for row in known.targets:
        if only is not None and row.target_id not in only:
            continue
        rule = rules[row.target_id]
        alternative = None
        if rule.alternative is not None and rule.alternative in rules:
            alternative = (rules[rule.alternative], known.stored.get(rule.alternative, empty))
        case = case_of(rule, known.day, tree, known.stored.get(row.target_id, empty), alternative)
        lit.append(_lit(row, rule, evaluate(case), area))
    return lit


def applies(row: TargetVersion, area: str) -> bool:
    """Whether the plan is the area's own; elsewhere its goals are only a yardstick."""
    return areas.lies_within(area, row.body["source"]["area_code"])


def _lit(row: TargetVersion, rule: Rule, outcome: Outcome, area: str) -> Lit:
    figure = outcome.figure
    number = outcome.number if outcome.number is not None else figure.number if figure else None
    low = high = None
    if rule.sampled and figure is not None and figure.n and figure.passed is not None:
        bounds = exact_interval(figure.passed, figure.n)
        low, high = (str(shown(bound, wording.RATE_PLACES, wording.fences(rule))) for bound in bounds)
    sentence, sentence_en = _sentences(row, rule, outcome, area)
    return Lit(
        target=row,
        rule=rule,
        outcome=outcome,
        sentence=sentence,
        sentence_en=sentence_en,
        value=wording.decimal_text(rule, number) if number is not None else None,
        low=low,
        high=high,
    )


def _sentences(row: TargetVersion, rule: Rule, outcome: Outcome, area: str) -> tuple[str, str]:
    """Light, numbers, reason; then period, who answers for it, the rule version."""
    word, figure = wording.LIGHTS[outcome.light], outcome.figure
    body: dict[str, Any] = row.body
    names = department_names(body["lead_departments"] or body["departments"])
    who, who_en = names or "计划没有写责任部门", names or "no department named in the plan"
    zh, en = outcome.zh.rstrip("。"), outcome.en.rstrip(".")
    if figure is not None:
        phrase = wording.figure(rule, figure, outcome.number)
        if phrase.zh:
            zh, en = f"{phrase.zh}，{zh}", f"{phrase.en}; {en}"
    elif outcome.light == "no_data" and names:
        zh, en = f"{zh}，应由{names}报送", f"{en}; {names} is to report it"
    if not applies(row, area):
        city = areas.name_of(body["source"]["area_code"])
        zh, en = (
            f"{zh}（{city}的计划不适用于{areas.name_of(area)}，仅作对照）",
            f"{en} (a plan of {city}; here only a yardstick)",
        )
    tail, tail_en = [who], [who_en]
    if figure is not None:
        tail.insert(0, figure.period.zh)
        tail_en.insert(0, figure.period.en)
        tail.append("暂定")
        tail_en.append("provisional")
    tail.append(f"规则{RULE_VERSION}")
    tail_en.append(f"rules {RULE_VERSION}")
    return f"{word.zh}：{zh}。{' · '.join(tail)}", f"{word.en}: {en}. {' · '.join(tail_en)}"
