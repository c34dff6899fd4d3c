"""The two time axes in a query: `valid_at` (true in the world), `known_at` (known to the register), `as_of` (both)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Query

from shared.clock import end_of_day, shanghai_date
from shared.errors import FieldError, Invalid
from shared.web import CurrentPlatform


@dataclass(frozen=True)
class AsOf:
    valid: date
    known: datetime
    explicit: bool
    """Whether the caller named a day: an answer about now may change, one about a day does not."""


async def _as_of(
    platform: CurrentPlatform,
    valid_at: Annotated[str | None, Query(description="有效时间：日期或 RFC 3339 时刻")] = None,
    known_at: Annotated[str | None, Query(description="获知时间：日期（当日终了）或 RFC 3339 时刻")] = None,
    as_of: Annotated[str | None, Query(description="两者同为这一天终了")] = None,
) -> AsOf:
    now = platform.clock.now()
    wrong: list[FieldError] = []
    if as_of is not None and (valid_at is not None or known_at is not None):
        wrong.append(
            FieldError(
                "?as_of",
                "as_of.alone",
                "as_of 不能与 valid_at、known_at 同用",
                "as_of stands alone, without valid_at and known_at",
            )
        )
    at = {
        name: _instant(name, text, wrong)
        for name, text in (("valid_at", valid_at), ("known_at", known_at), ("as_of", as_of))
        if text is not None
    }
    if wrong:
        raise Invalid(wrong)
    valid = at.get("as_of") or at.get("valid_at") or now
    known = at.get("as_of") or at.get("known_at") or now
    return AsOf(shanghai_date(valid), known, bool(at))


def _instant(name: str, text: str, wrong: list[FieldError]) -> datetime | None:
    """A day means its end in Asia/Shanghai."""
    try:
        if len(text) == 10:
            return end_of_day(date.fromisoformat(text))
        # A plus sign in a query is a space when it was not encoded.
        instant = datetime.fromisoformat(text.replace(" ", "+"))
        if instant.tzinfo is not None and 1 < instant.year < 9999:
            return instant
    except (ValueError, OverflowError):
        pass
    wrong.append(
        FieldError(
            f"?{name}",
            "instant",
            "应为日期（2026-11-24）或带时区的时刻（2026-11-24T12:00:00+08:00）",
            "Needs a day (2026-11-24) or an instant with offset (2026-11-24T12:00:00+08:00)",
        )
    )
    return None


AsOfParams = Annotated[AsOf, Depends(_as_of)]
