"""The stored verdict of each lot."""

from datetime import date, datetime

from sqlalchemy import Text
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC


class LotVerdict(Table, table=True):
    """All of an answer but what the day and credit decide, as ready JSON in both languages."""

    __tablename__ = "lot_verdict"

    lot_id: str = Field(primary_key=True)
    gtin: str = Field(index=True)
    lot: str
    state: str
    """`safe | held | recalled`, or `unknown` for a lot that was seen in an event but never registered."""
    expires_on: date | None = None
    """From the day after it, a `safe` lot is answered as `expired`."""
    producer_uscc: str
    body_zh: str = Field(sa_type=Text)
    body_en: str = Field(sa_type=Text)
    digest: str
    """SHA-256 of all that was published; an unchanged lot is not published again."""
    changed_at: datetime = Field(sa_type=UTC)


class StaleLot(Table, table=True):
    """A lot whose stored verdict is older than what is known. It is rendered when it is asked for, until a worker has
    rendered and announced it; then the row goes."""

    __tablename__ = "lot_stale"

    lot_id: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UTC)
    attempts: int = 0
    """How often its rendering failed; after three times only an operator has it tried again."""
