"""Working days (工作日) by the State Council's yearly notice, with its make-up working Saturdays and Sundays.

Source: chinesecalendar, which transcribes each notice (国务院办公厅关于…年部分节假日安排的通知); imported on first
use. A year that it does not hold, or that is not announced yet, is answered with Monday to Friday and `certain=False`.
"""

from datetime import date, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

_DAY = timedelta(days=1)


class WorkdayResult(NamedTuple):
    date: date
    certain: bool
    """Every day that was counted stands in an announced year."""


class _Calendar(NamedTuple):
    off: frozenset[date]
    on: frozenset[date]
    years: frozenset[int]


@cache
def _calendar() -> _Calendar:
    from chinese_calendar.constants import holidays, workdays

    # A December notice may already give the first days of the next January off: a year is known by its own autumn.
    years = frozenset(day.year for day in holidays if day.month == 10)
    return _Calendar(frozenset(holidays), frozenset(workdays), years)


def is_announced(year: int) -> bool:
    return year in _calendar().years


def is_workday(day: date) -> bool:
    calendar = _calendar()
    return day in calendar.on or (day.weekday() < 5 and day not in calendar.off)


@lru_cache(maxsize=4096)  # a batch asks for few days again and again
def add(day: date, n: int) -> WorkdayResult:
    """The n-th working day after `day` (before it, where n is negative); `day` itself is not counted, as periods in law
    are counted from the next day. With n = 0: `day`, or the next working day where it is none."""
    certain = is_announced(day.year)
    if n == 0:
        while not is_workday(day):
            day += _DAY
            certain = certain and is_announced(day.year)
        return WorkdayResult(day, certain)
    step, left = (_DAY, n) if n > 0 else (-_DAY, -n)
    while left:
        day += step
        certain = certain and is_announced(day.year)
        left -= is_workday(day)
    return WorkdayResult(day, certain)


class WorkdayCount(NamedTuple):
    days: int
    certain: bool


def between(start: date, end: date) -> WorkdayCount:
    """Working days after `start` up to and including `end`: `add(start, n).date == end` gives n; negative where `end`
    is before `start` (the days from `end` on, before `start`)."""
    if end < start:
        days, first, last = -1, end, start - _DAY
    else:
        days, first, last = 1, start + _DAY, end
    count = sum(is_workday(first + _DAY * i) for i in range((last - first).days + 1))
    return WorkdayCount(days * count, all(map(is_announced, range(min(start, end).year, max(start, end).year + 1))))
