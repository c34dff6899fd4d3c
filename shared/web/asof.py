"""The question "as of when", on two axes of time: `valid_at` (true in the world), `known_at` (known to the register),
and `as_of` for both. A day means its end in Asia/Shanghai, an instant itself; nothing is known of a day to come.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BeforeValidator

from shared.clock import end_of_day, shanghai_date
from shared.errors import FieldError, Invalid, field_error
from shared.times import YEARS
from shared.web.routing import CurrentPlatform

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
"""RFC 3339 section 5.6; the seconds may be left out. `fromisoformat` also reads weeks, and digits without a sign
between them."""
_DAY_WORDS = ("应为日期，如 2018-12-31", "Needs to be a date such as 2018-12-31")


@dataclass(frozen=True, slots=True)
class AsOf:
    valid: date
    """What was true on it."""
    known: datetime
    """What was known by then."""
    explicit: bool
    """Whether the caller named a time: an answer about now may change."""


def resolve(
    as_of: str | None, valid_at: str | None, known_at: str | None, now: datetime, *, ahead: bool = False
) -> AsOf:
    """Raises Invalid with everything that is wrong. `ahead`: what is asked about has a term, so that it is known today
    what will be true of it on a later day."""
    wrong: list[FieldError] = []
    if as_of is not None and (valid_at is not None or known_at is not None):
        zh, en = "as_of 不能与 valid_at、known_at 同用", "as_of stands alone, without valid_at and known_at"
        wrong.append(FieldError("?as_of", "as_of.alone", zh, en))
    given = {"as_of": as_of, "valid_at": valid_at, "known_at": known_at}
    at = {name: _instant(name, text, wrong) for name, text in given.items() if text is not None}
    wrong += [
        FieldError(f"?{name}", "as_of.future", f"{name} 不能晚于今天", f"{name} cannot be after today")
        for name, instant in at.items()
        if instant is not None and shanghai_date(instant) > shanghai_date(now) and not (ahead and name == "valid_at")
    ]
    if wrong:
        raise Invalid(wrong)
    valid = at.get("as_of") or at.get("valid_at") or now
    known = at.get("as_of") or at.get("known_at") or now
    return AsOf(shanghai_date(valid), known, explicit=bool(at))


def _instant(name: str, text: str, wrong: list[FieldError]) -> datetime | None:
    text = text.replace(" ", "+")  # a plus sign in a query is a space when it was not encoded
    try:
        if (day := day_of(text)) is not None:
            return end_of_day(day)
        if _INSTANT.fullmatch(text) and (instant := datetime.fromisoformat(text.upper())).year in YEARS:
            return instant
    except ValueError:
        pass
    zh = f"{name} 请写日期（2018-12-31）或带时区的时刻（2018-12-31T12:00:00+08:00）"
    en = f"Write {name} as a day (2018-12-31) or an instant with its offset (2018-12-31T12:00:00+08:00)"
    wrong.append(FieldError(f"?{name}", "as_of.format", zh, en))
    return None


def day_of(text: str) -> date | None:
    """The day that the text writes as 2018-12-31, within the years that anything here is about."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and day.year in YEARS else None


_FORM: dict[str, Any] = {"pattern": r"^\d{4}-\d{2}-\d{2}(T.+)?$"}
"""For the document; the check itself has words in both languages."""


_Both = Annotated[
    str | None,
    Query(description="有效日与知悉日同为这一天终了 (Asia/Shanghai)，或一个时刻", examples=["2018-12-31"]),
]
_Valid = Annotated[str | None, Query(description="只定有效时间", json_schema_extra=_FORM)]
_Known = Annotated[str | None, Query(description="只定知悉时间：当时登记簿知道什么", json_schema_extra=_FORM)]


async def _as_of(
    platform: CurrentPlatform, as_of: _Both = None, valid_at: _Valid = None, known_at: _Known = None
) -> AsOf:
    return resolve(as_of, valid_at, known_at, platform.clock.now())


async def _as_of_term(
    platform: CurrentPlatform, as_of: _Both = None, valid_at: _Valid = None, known_at: _Known = None
) -> AsOf:
    return resolve(as_of, valid_at, known_at, platform.clock.now(), ahead=True)


AsOfParams = Annotated[AsOf, Depends(_as_of)]
AsOfTermParams = Annotated[AsOf, Depends(_as_of_term)]
"""For what has a term."""


def _day(value: Any) -> Any:
    """pydantic would read digits as seconds since 1970: `20181231` would be a day of that year."""
    if isinstance(value, str) and (value := day_of(value)) is None:
        raise field_error("as_of.format", *_DAY_WORDS)
    return value


async def _past_day(
    platform: CurrentPlatform,
    as_of: Annotated[
        date | None,
        BeforeValidator(_day),
        Query(description="The picture at the end of that day in Asia/Shanghai; today is now"),
    ] = None,
) -> date | None:
    today = shanghai_date(platform.clock.now())
    if as_of is not None and as_of > today:
        raise Invalid([FieldError("?as_of", "as_of.future", "as_of 不能晚于今天", "as_of cannot be after today")])
    return None if as_of == today else as_of


PastDay = Annotated[date | None, Depends(_past_day)]
"""For what is known by the day: the day, when it is past; None for now."""
