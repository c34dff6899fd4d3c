"""The question "as of when": one place for the parameters `as_of`, `valid_at` and `known_at`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Query

from shared.clock import end_of_day, shanghai_date
from shared.errors import FieldError, Invalid
from shared.web import CurrentPlatform


@dataclass(frozen=True, slots=True)
class AsOf:
    """`day`: what was true on it. `known_at`: what was known by then. `settled`: the answer is final."""

    day: date
    known_at: datetime
    settled: bool


def resolve(as_of: str | None, valid_at: str | None, known_at: str | None, now: datetime) -> AsOf:
    """A day means its end in Asia/Shanghai, an instant itself. Raises `Invalid` with every wrong parameter."""
    errors: list[FieldError] = []
    base = _read("as_of", as_of, errors)
    valid = _read("valid_at", valid_at, errors)
    known = _read("known_at", known_at, errors)
    valid_instant, known_instant = valid or base or now, known or base or now
    for name, given in (("as_of", base), ("valid_at", valid), ("known_at", known)):
        if given is not None and shanghai_date(given) > shanghai_date(now):
            errors.append(
                FieldError(f"?{name}", "as_of.future", f"{name} 不能晚于今天", f"{name} cannot be after today")
            )
    if errors:
        raise Invalid(errors)
    return AsOf(shanghai_date(valid_instant), known_instant, settled=known_instant < now)


def _read(name: str, text: str | None, errors: list[FieldError]) -> datetime | None:
    if text is None:
        return None
    try:
        if len(text) == 10:
            return end_of_day(date.fromisoformat(text))
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None and 1950 <= instant.year <= 2199:
            return instant
    except (ValueError, OverflowError):
        pass
    errors.append(
        FieldError(
            f"?{name}",
            "as_of.format",
            f"{name} 请写日期（2018-12-31）或带时区的时刻（2018-12-31T12:00:00+08:00）",
            f"Write {name} as a day (2018-12-31) or an instant with its zone (2018-12-31T12:00:00+08:00)",
        )
    )
    return None


_FORM: dict[str, Any] = {"pattern": r"^\d{4}-\d{2}-\d{2}(T.+)?$"}
"""For the document; the check itself has words in both languages."""


async def _as_of(
    platform: CurrentPlatform,
    as_of: Annotated[
        str | None,
        Query(description="有效日与知悉日同为这一天终了 (Asia/Shanghai)，或一个时刻", examples=["2018-12-31"]),
    ] = None,
    valid_at: Annotated[str | None, Query(description="只定有效时间", json_schema_extra=_FORM)] = None,
    known_at: Annotated[
        str | None, Query(description="只定知悉时间：当时登记簿知道什么", json_schema_extra=_FORM)
    ] = None,
) -> AsOf:
    return resolve(as_of, valid_at, known_at, platform.clock.now())


as_of_params = Annotated[AsOf, Depends(_as_of)]
