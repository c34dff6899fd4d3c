"""Periods: what can be written, what it means, one way back."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indicators.observations.periods import EARLIEST, LATEST, Days, Period, PeriodError, parse


@pytest.mark.parametrize(
    ("text", "start", "end", "label"),
    [
        ("2024", "2024-01-01", "2024-12-31", "2024"),
        ("2024年", "2024-01-01", "2024-12-31", "2024"),
        (" 2024Q3 ", "2024-07-01", "2024-09-30", "2024Q3"),
        ("2024-q3", "2024-07-01", "2024-09-30", "2024Q3"),
        ("2024年三季度", "2024-07-01", "2024-09-30", "2024Q3"),
        ("2024年第4季度", "2024-10-01", "2024-12-31", "2024Q4"),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-02"),
        ("2024年2月", "2024-02-01", "2024-02-29", "2024-02"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "2024-02-29"),
        ("2024年2月9日", "2024-02-09", "2024-02-09", "2024-02-09"),
        ("2024-07-01/2024-09-30", "2024-07-01", "2024-09-30", "2024Q3"),
        ("2024-01至2024-06", "2024-01-01", "2024-06-30", "2024-01-01/2024-06-30"),
        ("2023/2024", "2023-01-01", "2024-12-31", "2023-01-01/2024-12-31"),
    ],
)
def test_periods_are_normalised(text: str, start: str, end: str, label: str) -> None:
    period = parse(text)
    assert period == Period(date.fromisoformat(start), date.fromisoformat(end))
    assert period is not None
    assert period.label == label
    assert parse(period.zh.replace(" ", "")) == period


@pytest.mark.parametrize("text", ["unknown", "未注明", "Unidentified"])
def test_a_source_may_name_no_period(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "period.format"),
        ("去年", "period.format"),
        ("2024Q5", "period.format"),
        ("2024-13", "period.format"),
        ("2023-02-29", "period.format"),
        ("2024年3", "period.format"),
        ("24", "period.format"),
        ("0000", "period.format"),
        ("２０２４", "period.format"),
        ("2024-09-30/2024-07-01", "period.order"),
        ("1949-09", "period.range"),
        ("2200", "period.range"),
    ],
)
def test_bad_periods_say_what_is_wrong(text: str, code: str) -> None:
    with pytest.raises(PeriodError) as error:
        parse(text)
    assert error.value.code == code
    assert error.value.zh
    assert error.value.en


DAYS = st.dates(EARLIEST, LATEST)


@given(DAYS, DAYS)
def test_every_period_is_read_back_from_its_label_and_its_chinese_words(one: date, other: date) -> None:
    period = Period(min(one, other), max(one, other))
    assert parse(period.label) == period
    assert parse(period.zh) == period
    assert period.days >= 1
    assert period.overlaps(period)
    assert period.covers(period)


@given(st.integers(1950, 2199), st.integers(1, 12))
def test_months_and_quarters_tile_the_year(year: int, month: int) -> None:
    assert Period.month(year, month).kind == "month"
    quarter = parse(f"{year}Q{(month + 2) // 3}")
    assert quarter is not None
    assert quarter.covers(Period.month(year, month))
    assert Period.year(year).covers(quarter)
    following = parse(f"{year}-12")
    assert following is not None
    assert following.end + timedelta(days=1) == date(year + 1, 1, 1)


@given(st.lists(st.tuples(DAYS, DAYS), max_size=6), DAYS, DAYS)
def test_days_overlap_as_their_periods_do(pairs: list[tuple[date, date]], one: date, other: date) -> None:
    periods = [Period(min(pair), max(pair)) for pair in pairs]
    asked = Period(min(one, other), max(one, other))
    assert Days(periods).overlaps(asked) == any(period.overlaps(asked) for period in periods)


@given(st.text(max_size=40))
def test_any_text_gives_a_period_or_the_declared_error(text: str) -> None:
    try:
        period = parse(text)
    except PeriodError:
        return
    assert period is None or period.start <= period.end
