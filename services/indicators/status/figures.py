"""What a light is decided from, and what it says: plain values, no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from services.indicators.areas.rules import Place
from services.indicators.catalogue.targets import Rule
from services.indicators.observations.periods import Period
from shared.events.indicators import Light

Origin = Literal["reported", "events"]


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
