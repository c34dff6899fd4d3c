"""Statistical periods: how they are written, what days they cover.

Accepted: `2024`, `2024年`; `2024Q3`, `2024-Q3`, `2024年三季度`, `2024年第3季度`; `2024-07`, `2024年7月`; `2024-07-05`,
`2024年7月5日`; `2024-07-01/2024-09-30` (also `至`). A source that names no period is written `unknown` or `未注明`.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple, Self

Kind = Literal["year", "quarter", "month", "day", "range"]

EARLIEST, LATEST = date(1949, 10, 1), date(2199, 12, 31)
_UNKNOWN = {"unknown", "unidentified", "未注明", "不详"}
_NUMERALS = {"一": 1, "二": 2, "三": 3, "四": 4}
_YEAR = re.compile(r"(\d{4})年?", re.ASCII)
_QUARTER = re.compile(r"(\d{4})(?:-?[Qq]|年第?)([1-4一二三四])(季度)?", re.ASCII)
_MONTH = re.compile(r"(\d{4})(?:-(\d{2})|年(\d{1,2})月)", re.ASCII)
_DAY = re.compile(r"(\d{4})(?:-(\d{2})-(\d{2})|年(\d{1,2})月(\d{1,2})日)", re.ASCII)
_RANGE = re.compile(r"\s*(?:/|至|~)\s*")


class PeriodError(ValueError):
    """A period that cannot be read; `code` is stable, `zh` and `en` name the way out."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code, self.zh, self.en = code, zh, en


class Period(NamedTuple):
    """Both days are included."""

    start: date
    end: date

    @classmethod
    def year(cls, year: int) -> Self:
        return cls(date(year, 1, 1), date(year, 12, 31))

    @classmethod
    def month(cls, year: int, month: int) -> Self:
        return cls(date(year, month, 1), date(year, month, monthrange(year, month)[1]))

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def overlaps(self, other: "Period") -> bool:
        return self.start <= other.end and other.start <= self.end

    def covers(self, other: "Period") -> bool:
        return self.start <= other.start and other.end <= self.end

    @property
    def kind(self) -> Kind:
        start, end = self
        if start == end:
            return "day"
        if start.day == 1 and (end + timedelta(days=1)).day == 1 and start.year == end.year:
            months = (start.month, end.month)
            if months == (1, 12):
                return "year"
            if months[0] == months[1]:
                return "month"
            if months[1] - months[0] == 2 and months[0] % 3 == 1:
                return "quarter"
        return "range"

    @property
    def label(self) -> str:
        """The one way a period is written: `2024`, `2024Q3`, `2024-07`, `2024-07-05`, `2024-07-01/2024-08-31`."""
        start, end = self
        match self.kind:
            case "year":
                return f"{start.year}"
            case "quarter":
                return f"{start.year}Q{start.month // 3 + 1}"
            case "month":
                return f"{start.year}-{start.month:02}"
            case "day":
                return start.isoformat()
            case _:
                return f"{start.isoformat()}/{end.isoformat()}"

    @property
    def zh(self) -> str:
        start, end = self
        match self.kind:
            case "year":
                return f"{start.year}年"
            case "quarter":
                return f"{start.year}年{'一二三四'[start.month // 3]}季度"
            case "month":
                return f"{start.year}年{start.month}月"
            case "day":
                return zh_day(start)
            case _:
                return f"{zh_day(start)}至{zh_day(end)}"

    @property
    def en(self) -> str:
        start, end = self
        match self.kind:
            case "year":
                return f"{start.year}"
            case "quarter":
                return f"Q{start.month // 3 + 1} {start.year}"
            case "month":
                return f"{_MONTHS[start.month - 1]} {start.year}"
            case "day":
                return en_day(start)
            case _:
                return f"{en_day(start)} to {en_day(end)}"


class Days:
    """The union of periods, to ask whether another one overlaps any of them."""

    def __init__(self, periods: Iterable[Period]) -> None:
        self._starts: list[date] = []
        self._ends: list[date] = []
        for start, end in sorted(periods):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def overlaps(self, period: Period) -> bool:
        place = bisect_right(self._starts, period.end) - 1
        return place >= 0 and self._ends[place] >= period.start


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def zh_day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def en_day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


@lru_cache(maxsize=4096)
def parse(text: str) -> Period | None:
    """The period that `text` names, None for a source that names none. Raises `PeriodError`."""
    text = text.strip()
    if text.lower() in _UNKNOWN:
        return None
    period = _parse_one(text)
    if period is None:
        parts = _RANGE.split(text)
        if len(parts) == 2:
            first, last = _parse_one(parts[0]), _parse_one(parts[1])
            if first and last:
                period = Period(first.start, last.end)
    if period is None:
        raise PeriodError(
            "period.format",
            "时期看不懂。可写：2024、2024Q3、2024-07、2024-07-05、2024-07-01/2024-09-30",
            "The period is not readable. Write 2024, 2024Q3, 2024-07, 2024-07-05 or 2024-07-01/2024-09-30",
        )
    if period.start > period.end:
        raise PeriodError("period.order", "时期的起始日晚于截止日", "The period begins after it ends")
    if period.start < EARLIEST or period.end > LATEST:
        raise PeriodError(
            "period.range", "时期须在1949年10月至2199年之间", "The period must lie between Oct 1949 and 2199"
        )
    return period


def _parse_one(text: str) -> Period | None:
    text = text.strip()
    if match := _YEAR.fullmatch(text):
        year = int(match[1])
        return Period.year(year) if year else None
    if match := _QUARTER.fullmatch(text):
        if "年" in text and not match[3]:
            return None
        quarter = _NUMERALS.get(match[2]) or int(match[2])
        return _span(int(match[1]), quarter * 3 - 2, quarter * 3)
    if match := _MONTH.fullmatch(text):
        month = int(match[2] or match[3])
        return _span(int(match[1]), month, month)
    if match := _DAY.fullmatch(text):
        try:
            day = date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5]))
        except ValueError:
            return None
        return Period(day, day)
    return None


def _span(year: int, first: int, last: int) -> Period | None:
    if not year or not 1 <= first <= 12:
        return None
    return Period(date(year, first, 1), Period.month(year, last).end)
