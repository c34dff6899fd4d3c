"""Tables of the listings: the case, its steps, and the period for which it stands on the list, on two time axes."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC, Json


class Listing(Table, table=True):
    """One listing case. `state` follows its steps; `due_*` is what must be done next and by when."""

    listing_id: str = Field(primary_key=True, max_length=36)
    colour: str = Field(max_length=5)
    uscc: str = Field(max_length=18, index=True)
    party_name: str
    area_code: str = Field(max_length=12)
    industry_code: str | None = Field(default=None, max_length=5)
    ground_code: str = Field(max_length=60)
    facts: str
    violation_id: str | None = Field(default=None, max_length=36, index=True)
    """The penalty that the listing rests on (black list)."""
    authority: str = Field(max_length=60)
    authority_name: str
    state: str = Field(max_length=10)
    document_number: str | None = None
    decided_on: date | None = None
    remedies: str = ""
    remedies_en: str = ""
    due_act: str | None = Field(default=None, max_length=12)
    due_on: date | None = None
    proposed_by: str = Field(max_length=120)

    __table_args__ = (Index("listing_due", "due_on", "listing_id"),)


class ListingStep(Table, table=True):
    """One step of the procedure: what, when, by whom, with which document. Rows are only added."""

    __tablename__ = "listing_step"
    listing_id: str = Field(primary_key=True, max_length=36)
    position: int = Field(primary_key=True)
    kind: str = Field(max_length=12)
    on_day: date
    at: datetime = Field(sa_type=UTC)
    by: str = Field(max_length=120)
    by_name: str
    document: str | None = None
    attachment: str | None = Field(default=None, max_length=64)
    """SHA-256 of the document as a file, kept among the service's attachments."""
    detail: dict[str, Any] = Field(sa_type=Json)


class ListingPeriod(Table, table=True):
    """From when until when (inclusive) a published listing stands, as known from `known_from` until `known_to`.

    Removal closes what was known and adds the shorter period; an emptied period has `valid_until` before `valid_from`.
    """

    __tablename__ = "listing_period"
    listing_id: str = Field(primary_key=True, max_length=36)
    version: int = Field(primary_key=True)
    colour: str = Field(max_length=5)
    valid_from: date
    valid_until: date
    removable_from: date | None = None
    published_on: date
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    ended: str | None = Field(default=None, max_length=10)
    """Why the period was cut: revoked."""
    detail: str = ""

    __table_args__ = (Index("listing_period_list", "colour", "valid_until", "listing_id"),)
