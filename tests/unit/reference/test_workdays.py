"""Working days by the State Council's notices."""

import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reference import workdays

days = st.dates(date(2017, 1, 1), date(2026, 11, 30))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2018, 9, 10), True),
        (date(2018, 9, 22), False),  # 中秋节
        (date(2018, 9, 29), True),  # a Saturday, made up for 国庆节
        (date(2018, 10, 1), False),
        (date(2020, 1, 31), False),  # 春节 prolonged by the notice of 2020-01-26
        (date(2021, 10, 9), True),  # a Saturday, made up
        (date(2021, 10, 10), False),
        (date(2025, 1, 26), True),  # a Sunday, made up for 春节
    ],
)
def test_official_days(day: date, works: bool) -> None:
    assert workdays.is_workday(day) is works


def test_agrees_with_the_source_for_every_day_it_knows() -> None:
    import chinese_calendar

    day = date(2010, 1, 1)
    while day.year < 2027:
        assert workdays.is_workday(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        (date(2018, 9, 28), 1, date(2018, 9, 29)),
        (date(2018, 9, 28), 2, date(2018, 9, 30)),
        (date(2018, 9, 28), 3, date(2018, 10, 8)),
        (date(2018, 10, 8), -1, date(2018, 9, 30)),
        (date(2018, 10, 1), 0, date(2018, 10, 8)),
        (date(2018, 10, 8), 0, date(2018, 10, 8)),
        (date(2021, 9, 1), 20, date(2021, 9, 29)),  # 20 working days of Order 45 over 中秋节
    ],
)
def test_add(start: date, n: int, end: date) -> None:
    assert workdays.add(start, n) == (end, True)


def test_a_year_not_announced_is_monday_to_friday_and_says_so() -> None:
    assert not workdays.is_announced(2099)
    assert workdays.is_workday(date(2099, 10, 1))  # a Thursday: no notice says otherwise yet
    assert workdays.add(date(2099, 10, 1), 1) == (date(2099, 10, 2), False)
    assert workdays.add(date(2099, 10, 2), 1) == (date(2099, 10, 5), False)
    assert workdays.between(date(2099, 10, 1), date(2099, 10, 8)) == (5, False)


def test_a_period_that_runs_into_an_unannounced_year_is_not_certain() -> None:
    last = max(year for year in range(2004, 2100) if workdays.is_announced(year))
    assert workdays.add(date(last, 12, 1), 5).certain
    assert not workdays.add(date(last, 12, 28), 10).certain
    assert not workdays.add(date(last + 1, 1, 10), -20).certain


@given(days, st.integers(1, 60))
def test_add_and_between_agree(start: date, n: int) -> None:
    end, _ = workdays.add(start, n)
    assert workdays.is_workday(end)
    assert workdays.between(start, end).days == n
    back, _ = workdays.add(end, -n)
    assert back <= start
    assert workdays.between(end, start).days == -(n - 1 + workdays.is_workday(start)) or not workdays.is_workday(start)


@given(days, st.integers(0, 40), st.integers(0, 40))
def test_between_adds_up(start: date, first: int, second: int) -> None:
    middle, end = start + timedelta(first), start + timedelta(first + second)
    assert workdays.between(start, end).days == (
        workdays.between(start, middle).days + workdays.between(middle, end).days
    )
    assert workdays.between(start, start).days == 0


def test_dictionaries_load_on_first_use() -> None:
    script = (
        "import sys; from shared.reference import areas, departments, industries, workdays;"
        "from shared.identifiers import uscc, gs1, digital_link, urn;"
        "digital_link.parse_any('6901234567892+A+1');"
        "print([name for name in sys.modules if name.split('.')[0] in ('chinese_calendar', 'biip', 'stdnum')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
