"""Comparing areas by a pass rate without accusing by chance. Pure but for reading the package's own dated table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import orjson

from services.indicators.observations.periods import Period
from services.indicators.status.figures import Figure
from services.indicators.status.numbers import exact_interval


@dataclass(frozen=True, slots=True)
class SmallN:
    """From when on, how many samples a rank needs at least, and who says so."""

    valid_from: date
    min_n: int
    source: str
    status: str


@cache
def _table() -> tuple[SmallN, ...]:
    rows = orjson.loads(files("services.indicators.status").joinpath("data", "ranking.json").read_bytes())
    return tuple(
        SmallN(date.fromisoformat(row["valid_from"]), row["min_n"], row["source"], row["status"]) for row in rows
    )


def small_n(on: date) -> SmallN:
    """The row in force on a day; before the first one, the first."""
    return max((row for row in _table() if row.valid_from <= on), key=lambda row: row.valid_from, default=_table()[0])


@dataclass(frozen=True, slots=True)
class Ranking:
    period: Period | None
    ranked: Sequence[tuple[int, str, Figure]]
    """`(rank, area key, figure)`, best first."""
    not_ranked: Sequence[tuple[str, Figure]]
    pooled: tuple[int, int] | None
    """`(n, passed)` over all areas, those that are too small to be ranked included."""


def rank(figures: Mapping[str, Sequence[Figure]], min_n: int) -> Ranking:
    """Areas in the period that most of them have (the latest of several).

    An area's rank is one more than the number of areas whose interval lies wholly above its own.
    """
    counted = {area: {f.period: f for f in found if f.n and f.passed is not None} for area, found in figures.items()}
    periods = Counter(period for found in counted.values() for period in found)
    if not periods:
        return Ranking(None, (), (), None)
    period = max(periods, key=lambda each: (periods[each], each.end, each.days))
    inside = {area: found[period] for area, found in counted.items() if period in found}
    large = {area: figure for area, figure in inside.items() if (figure.n or 0) >= min_n}
    bounds = {area: exact_interval(figure.passed or 0, figure.n or 0) for area, figure in large.items()}
    ranked = sorted(
        (
            (1 + sum(1 for other in bounds.values() if other.low > bounds[area].high), area, figure)
            for area, figure in large.items()
        ),
        key=lambda each: (each[0], -(each[2].number or 0), each[1]),
    )
    small = sorted(((area, figure) for area, figure in inside.items() if area not in large), key=lambda each: each[0])
    n, passed = (sum(getattr(f, name) or 0 for f in inside.values()) for name in ("n", "passed"))
    return Ranking(period, ranked, small, (n, passed))
