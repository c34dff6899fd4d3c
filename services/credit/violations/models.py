"""The table of violations. Its rows are versions: nothing of a decision is overwritten."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC, Json


class Violation(Table, table=True):
    """One version of one penalty decision, as known from `known_from` until `known_to`.

    A correction or withdrawal is the next version. Publication and its end are added to the version in force, with the
    day they hold from and the instant they were known.
    """

    violation_id: str = Field(primary_key=True, max_length=36)
    version: int = Field(primary_key=True)
    natural_key: str
    """Authority, document number and party, see `rules.natural_key`."""
    external_key: str | None = None
    """Department and its own number of the record."""
    uscc: str = Field(max_length=18, index=True)
    authority: str = Field(max_length=60)
    area_code: str = Field(max_length=12)
    gravity: str = Field(max_length=8)
    heavy: bool
    publishable: bool
    state: str = Field(max_length=10)
    """recorded (to be published), kept (never published), published, ended, withdrawn."""
    body: dict[str, Any] = Field(sa_type=Json)
    receipt: str
    """The answer that the unit got, byte for byte."""
    reason: str | None = None
    recorded_by: str = Field(max_length=120)
    valid_from: date
    """The day of the decision."""
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    published_on: date | None = None
    published_at: datetime | None = Field(default=None, sa_type=UTC)
    expires_on: date | None = None
    """Last day, inclusive, of the publication."""
    ended_on: date | None = None
    """First day on which it is no longer shown."""
    ended_at: datetime | None = Field(default=None, sa_type=UTC)
    end_reason: str | None = Field(default=None, max_length=10)
    due_act: str | None = Field(default=None, max_length=8)
    """What the calendar asks for next: publish, end."""
    due_on: date | None = None

    __table_args__ = (
        UniqueConstraint("natural_key", "version"),
        UniqueConstraint("external_key", "version"),
        Index("violation_due", "due_act", "due_on", "violation_id"),
    )
