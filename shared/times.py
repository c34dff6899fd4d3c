"""Times from outside: with an offset, and within the years that anything here is about. Both databases keep UTC, and a
time at the edge of the calendar has none.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from shared.errors import field_error

YEARS = range(1950, 2200)


def _within(at: datetime) -> datetime:
    if at.year not in YEARS:
        first, last = YEARS[0], YEARS[-1]
        raise field_error("time.year", f"应在 {first} 至 {last} 年之间", f"Needs to be between {first} and {last}")
    return at


Instant = Annotated[AwareDatetime, AfterValidator(_within)]


def instant(text: str) -> datetime:
    """Raises ValueError for what is no such time."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.year not in YEARS:
        raise ValueError(text)
    return at
