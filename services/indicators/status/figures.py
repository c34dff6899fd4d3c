"""What a light is decided from, and what it says: plain values, no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from services.indicators.observations.periods import Period
from shared.events.indicators import Light

Origin = Literal["reported", "events"]

GRADES = ("特级", "一级", "二级", "三级", "未定级")
"""Best first."""
STATES = ("achieved", "in_progress", "not_achieved")


@dataclass(frozen=True, slots=True)
class Question:
    """What the text leaves open. `blocks` says what cannot be concluded while there is no decision on record:
    `none`, `met`, `any`, or `comparator`/`readings` (the comparator's own rule looks at it).
    """

    code: str
    state: Literal["undecided", "assumed", "read_as"]
    blocks: Literal["none", "met", "any", "comparator", "readings"]
    zh: str
    en: str
    decision: Mapping[str, Any] | None = None

    @property
    def open(self) -> bool:
        return self.state == "undecided" and self.decision is None


@dataclass(frozen=True, slots=True)
class Rule:
    """One target's rule, as written in the catalogue."""

    kind: str
    measure: str
    force: str
    deadline: date | None
    start: date
    """First day that counts: flows add up from here, and periods before it hold or breach nothing."""
    standing: bool
    """Holds on every day, so that falling short needs no deadline to be late."""
    sampled: bool
    """A pass rate of samples: decided by its interval, never by its point."""
    low: Fraction | None = None
    high: Fraction | None = None
    grade: str | None = None
    trend: Literal["up", "down"] | None = None
    alternative: str | None = None
    readings: tuple[Fraction, ...] = ()
    classes: tuple[str, ...] = ()
    residents_min: Fraction | None = None
    residents_max: Fraction | None = None
    unit: str = ""
    unit_en: str = ""
    question: Question | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Rule":
        """From a catalogue row (`rule` and `question` of it)."""
        rule, question = body["rule"], body["question"]
        number = {key: Fraction(rule[key]) if rule[key] is not None else None for key in _NUMBERS}
        return cls(
            kind=rule["kind"],
            measure=rule["measure"],
            force=rule["force"],
            deadline=date.fromisoformat(rule["deadline"]) if rule["deadline"] else None,
            start=date.fromisoformat(rule["start"]),
            standing=rule["standing"],
            sampled=rule["sampled"],
            grade=rule["grade"],
            trend=rule["trend"],
            alternative=rule["alternative"],
            readings=tuple(Fraction(text) for text in rule["readings"]),
            classes=tuple(rule["classes"]),
            unit=rule["unit"],
            unit_en=rule["unit_en"],
            question=Question(**question) if question else None,
            **number,
        )

    @property
    def is_rate(self) -> bool:
        return self.unit == "%"


_NUMBERS = ("low", "high", "residents_min", "residents_max")


@dataclass(frozen=True, slots=True)
class Figure:
    """What is known of one area in one period. A rate has `n` and `passed`, or only a `value` in per cent."""

    area: str | None
    period: Period
    value: Decimal | None = None
    n: int | None = None
    passed: int | None = None
    grade: str | None = None
    state: str | None = None
    components: Mapping[str, Decimal] = field(default_factory=dict)
    breakdown: str | None = None
    category: str | None = None
    source: str | None = None
    origin: Origin = "reported"
    summed: int = 0
    """Number of areas whose figures were added; 0 for the area's own figure."""
    missing: tuple[str, ...] = ()
    """Names of areas that should be in the sum and have no figure."""

    @property
    def number(self) -> Fraction | None:
        if self.n is not None and self.passed is not None and self.n > 0:
            return Fraction(self.passed * 100, self.n)
        return None if self.value is None else Fraction(self.value)

    def at(self, period: Period) -> "Figure":
        return replace(self, period=period)


@dataclass(frozen=True, slots=True)
class Place:
    """An area as the rules see it."""

    code: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known, on one day, for one target in one area."""

    rule: Rule
    day: date
    figures: Sequence[Figure] = ()
    """Of the area itself, or summed from its parts; oldest first."""
    parts: Mapping[str, Sequence[Figure]] = field(default_factory=dict)
    """By county code; for the kinds that look at every county."""
    expected: Sequence[Place] = ()
    """Counties that exist on the day."""
    classes: Sequence[Figure] = ()
    """Figures of single classes of `rule.classes`."""
    other: Sequence[Figure] = ()
    """Figures of the alternative target."""
    other_rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A light with its reason and the figure that decided it."""

    light: Light
    zh: str
    en: str
    figure: Figure | None = None
    number: Fraction | None = None
    """Where the deciding number is not the figure's own (a sum over periods, a mean over counties)."""
    settle_n: int | None = None


NO_FIGURE = Outcome("no_data", "没有可用的数据", "No usable figure")


def latest(figures: Iterable[Figure]) -> Figure | None:
    """The figure of the period that ended last; of several, the longest."""
    return max(figures, key=lambda figure: (figure.period.end, figure.period.days), default=None)


def disjoint(figures: Iterable[Figure]) -> list[Figure]:
    """Figures that may be added: the longest periods first, none that overlaps one already taken; oldest first."""
    taken: list[Figure] = []
    for figure in sorted(figures, key=lambda f: (-f.period.days, f.period.end)):
        if not any(figure.period.overlaps(other.period) for other in taken):
            taken.append(figure)
    return sorted(taken, key=lambda figure: figure.period.end)
