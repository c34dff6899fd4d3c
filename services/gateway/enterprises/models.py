"""Tables of the enterprise view. Written only by event handlers; a replay empties and rebuilds them."""

from datetime import date
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import Json


class EnterpriseRow(Table, table=True):
    """One row for each USCC; each part is ready JSON, keyed by the id of its records.

    `*_at` is the time of the newest event of that source (UTC text). Credit's handlers write credit's columns,
    traceability's the others, so the row is the same in whatever order the two logs are read.
    """

    __tablename__ = "enterprise_view"

    uscc: str = Field(primary_key=True, max_length=18)
    identity: dict[str, Any] | None = Field(default=None, sa_type=Json)
    listings: dict[str, Any] = Field(sa_type=Json)
    violations: dict[str, Any] = Field(sa_type=Json)
    """Published ones."""
    department: dict[str, Any] = Field(sa_type=Json)
    """`{"violations": {...}, "procedures": {...}}`: what is not public. Never read by a public answer."""
    credit_at: str | None = Field(default=None, max_length=27)

    party: dict[str, Any] | None = Field(default=None, sa_type=Json)
    products: dict[str, Any] = Field(sa_type=Json)
    recalls: dict[str, Any] = Field(sa_type=Json)
    traceability_at: str | None = Field(default=None, max_length=27)


class ListingRow(Table, table=True):
    """One published entry of the red or black list, ended ones too; in force is computed from the dates."""

    __tablename__ = "listing_view"
    __table_args__ = (Index("listing_view_list", "colour", "published_on", "listing_id"),)

    listing_id: str = Field(primary_key=True, max_length=60)
    uscc: str = Field(max_length=18, index=True)
    colour: str = Field(max_length=5)
    party_name: str
    area_code: str = Field(max_length=12)
    published_on: date
    valid_from: date
    valid_until: date
    removed_on: date | None = None
    body: dict[str, Any] = Field(sa_type=Json)
    changed_at: str = Field(max_length=27, index=True)
