"""Tables of rights: what is claimed of objects, and what their owners and departments said of it."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC, Json


class GtinClaim(Table, table=True):
    """Who first made something of a GTIN that nobody has registered. A registration goes before it."""

    __tablename__ = "gtin_claim"

    gtin: str = Field(primary_key=True)
    uscc: str
    record_id: str = Field(index=True)
    """The event."""


class ProductMakers(Table, table=True):
    """Contract makers that the owner of a GTIN named; every version stands in `master_version`."""

    __tablename__ = "product_makers"

    gtin: str = Field(primary_key=True)
    makers: list[dict[str, Any]] = Field(sa_type=Json)
    """`{uscc, since, until}`, days as ISO text, inclusive, or null."""
    version: int = 1
    updated_at: datetime = Field(sa_type=UTC)


class PlaceConfirmation(Table, table=True):
    """That the GLN is this party's: said by a department of its area (for everybody), or by a party that names the
    place in its events (for those events)."""

    __tablename__ = "place_confirmation"

    gln: str = Field(primary_key=True)
    uscc: str = Field(primary_key=True)
    confirmed_by: str = Field(primary_key=True)
    """USCC, or `department:<code>`."""
    confirmed_at: datetime = Field(sa_type=UTC)


class ProductConfirmation(Table, table=True):
    """That the GTIN is this party's: said by a department of its area (for everybody), or by a party that named it in
    its events before it was registered (for those events)."""

    __tablename__ = "product_confirmation"

    gtin: str = Field(primary_key=True)
    uscc: str = Field(primary_key=True)
    confirmed_by: str = Field(primary_key=True)
    """USCC, or `department:<code>`."""
    confirmed_at: datetime = Field(sa_type=UTC)


class ClaimDecision(Table, table=True):
    """What was said of a claim last; the audit log has every word."""

    __tablename__ = "claim_decision"

    record_id: str = Field(primary_key=True)
    node: str = Field(primary_key=True, index=True)
    """The object, or `place` for where the event was."""
    confirmed: bool
    decided_by: str | None = None
    """USCC; null for a department."""
    decided_at: datetime = Field(sa_type=UTC)


class RightsSweep(Table, table=True):
    """How far the objects that were captured before rights were kept are judged; empty when all are."""

    __tablename__ = "rights_sweep"

    name: str = Field(primary_key=True)
    after: str
    """The last node that was judged."""
