"""Geometry of the charts: inside the drawing, in order, honest about its axis."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.portal import charts
from services.gateway.portal.charts import Sample

rates = st.floats(min_value=0, max_value=100, allow_nan=False)


@given(st.lists(st.tuples(rates, rates, rates), min_size=1, max_size=40), st.booleans(), st.one_of(st.none(), rates))
def test_every_point_of_a_trend_lies_inside(values: list[tuple[float, ...]], phone: bool, goal: float | None) -> None:
    samples = [Sample(str(i), *(sorted(v)[k] for k in (1, 0, 2))) for i, v in enumerate(values)]
    chart = charts.trend(samples, goal=goal, goal_text="", rate=True, phone=phone)
    assert chart is not None
    for dot in chart.dots:
        assert chart.left <= dot.x <= chart.right
        assert chart.top - 0.1 <= dot.y <= chart.bottom + 0.1
    assert [d.x for d in chart.dots] == sorted(d.x for d in chart.dots)
    assert chart.dots[-1].shown
    if chart.goal:
        assert chart.top - 0.1 <= chart.goal.at <= chart.bottom + 0.1


def test_counts_start_at_zero_and_rates_say_when_they_do_not() -> None:
    counts = charts.trend(
        [Sample("2017", 580), Sample("2018", 612)], goal=800, goal_text="800", rate=False, phone=False
    )
    assert counts is not None
    assert counts.ticks[0].text == "0"
    assert not counts.cut
    rates = charts.trend(
        [Sample("18Q2", 98.1), Sample("18Q3", 97.01)], goal=98, goal_text="98%", rate=True, phone=False
    )
    assert rates is not None
    assert rates.cut
    assert max(float(mark.text) for mark in rates.ticks) <= 100


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.trend([], goal=98, goal_text="98%", rate=True, phone=False) is None
    assert charts.areas([], pooled=None, phone=False) is None


@given(st.lists(st.tuples(rates, rates, rates), min_size=1, max_size=20), st.booleans())
def test_an_interval_of_an_area_holds_its_dot(values: list[tuple[float, ...]], phone: bool) -> None:
    samples = [Sample(str(i), *(sorted(v)[k] for k in (1, 0, 2))) for i, v in enumerate(values)]
    chart = charts.areas(samples, pooled=None, phone=phone)
    assert chart is not None
    for dot in chart.dots:
        assert chart.left - 0.1 <= dot.low <= dot.x <= dot.high <= chart.right + 0.1
        assert 0 < dot.y < chart.bottom


def test_the_bar_of_a_period_shows_what_has_passed() -> None:
    start, end = date(2026, 3, 16), date(2029, 3, 15)
    bar = charts.life(start, end, date(2026, 11, 24), date(2027, 3, 16), width=1096)
    assert bar.done == bar.today == 253
    assert bar.removable == 365
    assert charts.life(start, end, date(2030, 1, 1), None, width=100).done == 100
    assert charts.life(start, end, date(2030, 1, 1), None).today is None


@given(st.dictionaries(st.sampled_from(["met", "at_risk", "no_data", "breached"]), st.integers(0, 500), min_size=1))
def test_every_light_with_a_target_is_seen_in_the_bar(counts: dict[str, int]) -> None:
    pieces = charts.bar(list(counts.items()))
    assert {piece.light for piece in pieces} == {light for light, n in counts.items() if n}
    assert all(piece.width >= 6 for piece in pieces)
    if pieces:
        assert abs(pieces[-1].x + pieces[-1].width - 1152) < 1
