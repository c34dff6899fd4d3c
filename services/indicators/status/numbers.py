"""The arithmetic behind a light: exact intervals, guarded rounding, trend test. Rates are fractions in per cent."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

ALPHA = Fraction(5, 100)
"""Two-sided: the 95 % interval leaves 2.5 % on each side."""


class Interval(NamedTuple):
    """Bounds in per cent."""

    low: Fraction
    high: Fraction


@lru_cache(maxsize=8192)
def exact_interval(passed: int, n: int) -> Interval:
    """Clopper-Pearson 95 % interval of a pass rate: 16 of 18 gives 65.29-98.62.

    The Wilson interval (67.2-96.9) would accuse on 18 samples, this one does not: its coverage is never below 95 %.
    Source: Clopper and Pearson, Biometrika 26 (1934) 404-413, by the inverse of the incomplete beta function.
    """
    if not 0 <= passed <= n or n == 0:
        raise ValueError(f"{passed} of {n} is no pass rate")
    from scipy.special import betaincinv  # loaded on first use: it costs a tenth of a second and 20 MB

    tail = float(ALPHA / 2)
    low = 0.0 if passed == 0 else float(betaincinv(passed, n - passed + 1, tail))
    high = 1.0 if passed == n else float(betaincinv(passed + 1, n - passed, 1 - tail))
    return Interval(Fraction(low) * 100, Fraction(high) * 100)


def samples_without_failure(goal: Fraction) -> int | None:
    """Smallest n whose interval lies at or above `goal` per cent when nothing failed: 183 for 98. None from 100 on."""
    if goal >= 100:
        return None
    if goal <= 0:
        return 1
    n = math.ceil(math.log(ALPHA / 2) / math.log(goal / 100))
    return max(n, 1)


def samples_at_this_rate(passed: int, n: int, goal: Fraction, limit: int = 10_000_000) -> int | None:
    """Smallest known multiple of the batch, at the same rate, whose interval excludes `goal`; None above `limit`."""
    if Fraction(passed * 100, n) == goal:
        return None

    def settles(size: int) -> bool:
        interval = exact_interval(round(Fraction(passed, n) * size), size)
        return interval.high < goal or interval.low >= goal

    low, high = n, n
    while not settles(high):
        low, high = high, high * 2
        if high > limit:
            return None
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high


def shown(value: Fraction, places: int, fences: Iterable[Fraction] = ()) -> Decimal:
    """`value` rounded half up, but never onto or over a fence that it does not reach.

    With the fence 100, 99.996 is shown as 99.99; with the fence 98, a rate of 97.999 is shown as 97.99. Where no number
    of that many decimals stands on the value's side of every fence (1/2 between 0 and 1 without decimals), it gets one
    more, until one does.
    """
    passed = [fence for fence in fences if fence != value]
    below = max((fence for fence in passed if fence < value), default=None)
    above = min((fence for fence in passed if fence > value), default=None)
    while True:
        scale = 10**places
        steps = math.floor(value * scale + Fraction(1, 2))
        if below is not None:
            steps = max(steps, math.floor(below * scale) + 1)
        if above is not None:
            steps = min(steps, math.ceil(above * scale) - 1)
        if below is None or below * scale < steps:
            return Decimal(steps).scaleb(-places)
        places += 1


class Trend(NamedTuple):
    """Mann-Kendall: `score` is rises minus falls over all pairs, `p` its two-sided probability without any trend."""

    score: int
    p: float


def trend(values: Sequence[Fraction]) -> Trend:
    """Test for a trend in time order. Exact up to 40 values without ties, else the normal approximation.

    Source: Mann, Econometrica 13 (1945) 245-259; Kendall, Rank Correlation Methods (1975), variance with ties.
    """
    n = len(values)
    score = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    if n < 2:
        return Trend(score, 1.0)
    ties = [values.count(value) for value in set(values)]
    if n <= 40 and max(ties) == 1:
        return Trend(score, _exact_p(n, abs(score)))
    variance = Fraction(n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties), 18)
    if variance == 0 or score == 0:
        return Trend(score, 1.0)
    z = (abs(score) - 1) / math.sqrt(variance)
    return Trend(score, math.erfc(z / math.sqrt(2)))


def _exact_p(n: int, score: int) -> float:
    """Share of the n! orders whose score is at least as far from zero: counted by inversions (Mahonian numbers)."""
    if score == 0:
        return 1.0
    counts = [1]
    for size in range(2, n + 1):
        wider = [0] * (len(counts) + size - 1)
        for shift in range(size):
            for inversions, ways in enumerate(counts):
                wider[inversions + shift] += ways
        counts = wider
    pairs = n * (n - 1) // 2
    tail = sum(counts[: (pairs - score) // 2 + 1])
    return min(1.0, float(Fraction(2 * tail, math.factorial(n))))
