"""A target's rule, as the catalogue writes it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal

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
