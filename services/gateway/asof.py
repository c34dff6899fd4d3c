"""`as_of`: a day of the past, at whose end in Asia/Shanghai the picture is asked for."""

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator

from shared.clock import shanghai_date
from shared.errors import FieldError, Invalid, field_error

if TYPE_CHECKING:
    from shared.platform import Platform


def _day(value: Any) -> Any:
    """pydantic would read digits as seconds since 1970: `20181231` would be a day of that year."""
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise field_error("as_of", "应为日期，如 2018-12-31", "Needs to be a date such as 2018-12-31")
    return value


AsOf = Annotated[
    date | None,
    BeforeValidator(_day),
    Query(description="The picture at the end of that day in Asia/Shanghai; today is now"),
]


def past(platform: "Platform", as_of: date | None) -> date | None:
    """The day when it is past, None for now. Raises Invalid for a day to come."""
    today = shanghai_date(platform.clock.now())
    if as_of is not None and as_of > today:
        wrong = FieldError("?as_of", "as_of.future", "日期不能晚于今天", "The date cannot be after today")
        raise Invalid([wrong])
    return None if as_of == today else as_of
