"""Exact intervals, guarded rounding, sample sizes, the trend test."""

import math
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom, kendalltau

from services.indicators.status.numbers import (
    exact_interval,
    samples_at_this_rate,
    samples_without_failure,
    shown,
    trend,
)


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [(16, 18, "65.29", "98.62"), (497, 555, "86.70", "91.97"), (33_660, 34_699, "96.82", "97.18")],
)
def test_published_batches(passed: int, n: int, low: str, high: str) -> None:
    interval = exact_interval(passed, n)
    assert (str(shown(interval.low, 2)), str(shown(interval.high, 2))) == (low, high)


def test_ends_of_the_interval() -> None:
    assert exact_interval(0, 10).low == 0
    assert exact_interval(10, 10).high == 100
    assert exact_interval(0, 1) == (0, pytest.approx(97.5))
    for wrong in ((1, 0), (3, 2), (-1, 5)):
        with pytest.raises(ValueError, match="is no pass rate"):
            exact_interval(*wrong)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_leave_two_and_a_half_per_cent_on_each_side(batch: tuple[int, int]) -> None:
    """By definition of the exact interval, against the binomial distribution itself."""
    passed, n = batch
    low, high = (float(bound) / 100 for bound in exact_interval(passed, n))
    assert low <= passed / n <= high
    if passed > 0:
        assert binom.sf(passed - 1, n, low) == pytest.approx(0.025, rel=1e-6)
    if passed < n:
        assert binom.cdf(passed, n, high) == pytest.approx(0.025, rel=1e-6)


def test_no_failure_in_183_shows_98() -> None:
    assert samples_without_failure(Fraction(98)) == 183
    assert exact_interval(183, 183).low >= 98
    assert exact_interval(182, 182).low < 98
    assert samples_without_failure(Fraction(100)) is None
    assert samples_without_failure(Fraction(0)) == 1


@given(st.integers(1, 999))
def test_samples_without_failure_is_the_least(tenths: int) -> None:
    goal = Fraction(tenths, 10)
    n = samples_without_failure(goal)
    assert n is not None
    assert exact_interval(n, n).low >= goal - Fraction(1, 10**9)
    if n > 1:
        assert exact_interval(n - 1, n - 1).low < goal


def test_samples_at_this_rate_settle_it() -> None:
    n = samples_at_this_rate(970, 1000, Fraction(98))
    assert n is not None
    assert exact_interval(round(0.97 * n), n).high < 98
    assert samples_at_this_rate(98, 100, Fraction(98)) is None


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction("99.96"), 1, "99.9"),
        (Fraction("99.96"), 0, "99"),
        (Fraction("99.996"), 2, "99.99"),
        (Fraction("99.999999"), 2, "99.99"),
        (Fraction(100), 2, "100.00"),
        (Fraction("97.999"), 2, "97.99"),
        (Fraction("98.001"), 2, "98.01"),
        (Fraction("0.001"), 2, "0.01"),
        (Fraction("88.885"), 2, "88.89"),
        (Fraction("0.5"), 0, "1"),
        (Fraction("99.5"), 0, "99"),
    ],
)
def test_rounding_never_reaches_a_fence(value: Fraction, places: int, text: str) -> None:
    assert str(shown(value, places, (Fraction(0), Fraction(100), Fraction(98)))) == text


@pytest.mark.parametrize(
    ("value", "fences", "text"),
    [("0.5", ("0", "1"), "0.5"), ("97.96", ("97.95", "98"), "97.96"), ("0.999", ("0.99", "1"), "0.999")],
)
def test_a_value_between_two_near_fences_gets_more_decimals(value: str, fences: tuple[str, str], text: str) -> None:
    assert str(shown(Fraction(value), 0, [Fraction(fence) for fence in fences])) == text


@given(
    st.fractions(min_value=0, max_value=100),
    st.integers(0, 4),
    st.lists(st.integers(0, 100).map(Fraction) | st.fractions(min_value=0, max_value=100), max_size=4),
)
@example(Fraction(1, 2), 0, [Fraction(0), Fraction(1)])
@example(Fraction(1, 2), 0, [Fraction(1, 3), Fraction(1)])
@example(Fraction(1, 2), 0, [Fraction(1, 2), Fraction(1, 2) + Fraction(1, 10**6), Fraction(1, 2) - Fraction(1, 10**6)])
def test_rounding_keeps_the_side_of_every_fence(value: Fraction, places: int, fences: list[Fraction]) -> None:
    """On the value's side of every fence, at most one step away, and with the least number of decimals that has one."""
    rounded = shown(value, places, fences)
    other = [fence for fence in fences if fence != value]

    def stands(number: Fraction) -> bool:
        return all((value < fence) == (number < fence) and (value > fence) == (number > fence) for fence in other)

    decimals = -int(rounded.as_tuple().exponent)
    assert stands(Fraction(rounded))
    assert abs(Fraction(rounded) - value) <= Fraction(1, 10**decimals)
    nearest = Fraction(math.floor(value * 10**decimals + Fraction(1, 2)), 10**decimals)
    assert Fraction(rounded) == nearest or not stands(nearest)
    for fewer in range(places, decimals):
        around = math.floor(value * 10**fewer)
        assert not any(stands(Fraction(around + step, 10**fewer)) for step in (-1, 0, 1, 2))
    assert decimals >= places


def test_trend_needs_five_periods() -> None:
    assert trend([Fraction(n) for n in range(4)]).p == pytest.approx(2 / 24)
    assert trend([Fraction(n) for n in range(5)]).p == pytest.approx(2 / 120)
    assert trend([]).p == trend([Fraction(1)]).p == 1
    assert trend([Fraction(1)] * 6).p == 1


def test_trend_is_exact() -> None:
    """Counted over all orders of six values, and against scipy's exact Kendall test."""
    orders = list(permutations(range(6)))
    scores = [sum((b > a) - (b < a) for i, a in enumerate(order) for b in order[i + 1 :]) for order in orders]
    for order, score in list(zip(orders, scores, strict=True))[::50]:
        expected = sum(abs(other) >= abs(score) for other in scores) / len(orders)
        found = trend([Fraction(value) for value in order])
        assert found.score == score
        assert found.p == pytest.approx(expected)
        assert found.p == pytest.approx(kendalltau(range(6), order, method="exact").pvalue)


def test_trend_with_ties_is_the_normal_approximation() -> None:
    values = [1, 2, 2, 3, 3, 4, 5, 5]
    found = trend([Fraction(value) for value in values])
    variance = (8 * 7 * 21 - 3 * (2 * 1 * 9)) / 18
    assert found.p == pytest.approx(math.erfc((found.score - 1) / math.sqrt(variance) / math.sqrt(2)))
