"""Time comes from here, so that a test can set it and no rule reads the wall clock."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def advance(self, **delta: float) -> None:
        self._at += timedelta(**delta)

    def set(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)


def shanghai_date(instant: datetime) -> date:
    """The civil day in the city."""
    return instant.astimezone(SHANGHAI).date()


def end_of_day(day: date) -> datetime:
    """The last microsecond of `day` in Asia/Shanghai, in UTC: what `as_of=day` means."""
    nxt = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)
    return (nxt - timedelta(microseconds=1)).astimezone(UTC)


@lru_cache(maxsize=100)
def start_of_day(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


def utc_text(value: datetime) -> str:
    """`2026-11-24T05:30:00.000000Z`."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
