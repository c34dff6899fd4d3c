"""Rules as data: which rule holds on a day, and what day a period of it ends.

Nothing here knows a figure of law; the rows of `data/*.toml` do (`data.py` reads them).
"""

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, Protocol

Status = Literal["verified", "to be verified"]
Colour = Literal["black", "red"]
Gravity = Literal["minor", "general", "serious"]
GRAVITIES: tuple[Gravity, ...] = ("minor", "general", "serious")


class UnknownRule(LookupError):
    """No row of this code is in force on the day."""


@dataclass(frozen=True)
class Rule:
    """One rule of one order, in force from `from_` until `until` (inclusive, None: open)."""

    code: str
    issuer: str
    order: str
    order_en: str
    article: str
    from_: date
    until: date | None
    number: int | None
    unit: str | None
    clock: str
    status: Status
    zh: str
    en: str
    rank: int = 0
    why: str = ""
    why_en: str = ""
    replaces: str = ""

    def holds(self, on: date) -> bool:
        return self.from_ <= on and (self.until is None or on <= self.until)

    def cite(self) -> dict[str, object]:
        """What an answer says about the rule that it applied."""
        return {
            "code": self.code,
            "order": self.order,
            "order_en": self.order_en,
            "article": self.article,
            "number": self.number,
            "unit": self.unit,
            "clock": self.clock,
            "status": self.status,
        }


@dataclass(frozen=True)
class Finding:
    """The rule that is applied, and those on the same question that are not."""

    applied: Rule
    others: tuple[Rule, ...] = ()

    def cite(self) -> dict[str, object]:
        cited = self.applied.cite()
        if self.others:
            cited["why"] = self.applied.why
            cited["why_en"] = self.applied.why_en
            cited["not_applied"] = [rule.cite() for rule in self.others]
        return cited


@dataclass(frozen=True)
class Ground:
    """事由: why an enterprise may be listed. `field` "any" fits every regulatory field."""

    code: str
    colour: Colour
    field: str
    zh: str
    en: str
    order: str
    order_en: str
    article: str
    from_: date
    until: date | None
    status: Status

    def holds(self, on: date) -> bool:
        return self.from_ <= on and (self.until is None or on <= self.until)


@dataclass(frozen=True)
class Named:
    """A code with its words: a regulatory field."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class PenaltyKind(Named):
    gravity: Gravity
    heavy: bool


@dataclass(frozen=True)
class Rulebook:
    rules: tuple[Rule, ...]
    grounds: dict[str, Ground] = field(default_factory=dict)
    penalties: dict[str, PenaltyKind] = field(default_factory=dict)
    fields: dict[str, Named] = field(default_factory=dict)

    def find(self, code: str, *, on: date) -> Finding:
        """The rules of `code` in force on the day, the one of highest rank applied (the newer of equals).

        Raises UnknownRule.
        """
        held = [rule for rule in self.rules if rule.code == code and rule.holds(on)]
        if not held:
            raise UnknownRule(f"{code} on {on}")
        held.sort(key=lambda rule: (rule.rank, rule.from_), reverse=True)
        return Finding(held[0], tuple(rule for rule in held[1:] if _differ(rule, held[0])))

    def in_force(self, on: date) -> list[Rule]:
        return [rule for rule in self.rules if rule.holds(on)]

    def gravity_of(self, kinds: Sequence[str], stated: Gravity | None) -> Gravity:
        """The class of a record: what the unit states, else the gravest of its penalty kinds."""
        if stated is not None:
            return stated
        return max((self.penalties[kind].gravity for kind in kinds), key=GRAVITIES.index)

    def is_heavy(self, kinds: Sequence[str], *, aggravated: bool) -> bool:
        """较重行政处罚: a heavy kind, or a penalty set at the upper end (从重处罚)."""
        return aggravated or any(self.penalties[kind].heavy for kind in kinds)


def _differ(one: Rule, other: Rule) -> bool:
    """Two rules disagree when the period or the day that it runs from differs; twelve months are a year."""
    return (_months(one), one.clock) != (_months(other), other.clock)


def _months(rule: Rule) -> tuple[int | None, str | None]:
    if rule.unit == "year" and rule.number is not None:
        return rule.number * 12, "month"
    return rule.number, rule.unit


class Workday(Protocol):
    @property
    def date(self) -> date: ...
    @property
    def certain(self) -> bool: ...


AddWorkdays = Callable[[date, int], Workday]
"""`workdays.add` of the shared calendar: the n-th working day after a day."""


@dataclass(frozen=True)
class Deadline:
    """The last day on which a duty is in time. `certain` is False where the calendar of a year is not announced."""

    on: date
    certain: bool
    rule: Finding


def deadline(finding: Finding, start: date, add_workdays: AddWorkdays) -> Deadline:
    """The last day of a duty whose period begins after `start`."""
    rule = finding.applied
    if rule.number is None:
        raise ValueError(f"{rule.code} states no period")
    if rule.unit == "working_day":
        day = add_workdays(start, rule.number)
        return Deadline(day.date, day.certain, finding)
    return Deadline(after(start, rule.number, rule.unit), True, finding)


def after(start: date, number: int, unit: str | None) -> date:
    """The day `number` days, months or years after `start`; the last of the month where that day does not exist."""
    if unit == "day":
        return start + timedelta(days=number)
    if unit not in ("month", "year"):
        raise ValueError(f"{unit} is not a period")
    months = start.year * 12 + start.month - 1 + number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def last_day(finding: Finding, start: date) -> date:
    """The last day, inclusive, of a period of months or years that begins on `start`.

    Three years from 2026-03-16 end on 2029-03-15.
    """
    rule = finding.applied
    if rule.number is None:
        raise ValueError(f"{rule.code} states no period")
    return after(start, rule.number, rule.unit) - timedelta(days=1)


@dataclass(frozen=True)
class Law:
    """What a decision of today is judged by: the book of rules, the day, the calendar of working days."""

    book: Rulebook
    today: date
    add_workdays: AddWorkdays

    def find(self, code: str) -> Finding:
        return self.book.find(code, on=self.today)

    def deadline(self, code: str, start: date) -> Deadline:
        return deadline(self.find(code), start, self.add_workdays)
