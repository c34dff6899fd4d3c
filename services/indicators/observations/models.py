"""Reported figures."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.indicators.base import Table
from shared.db.types import UTC, Fixed, Json

DECIMALS = 6


class Observation(Table, table=True):
    """One revision of one reported figure. Valid time: `period_from` to `period_to`, both days included; both are null
    where the source names no period. Known time: `known_from` until `known_to`.
    """

    __tablename__ = "observation"
    __table_args__ = (
        Index("ix_observation_series", "series_key", "revision", unique=True),
        Index("ix_observation_area", "area_code", "target_id"),
        Index("ix_observation_within", "within", "target_id"),
        Index("ix_observation_target", "target_id", "observation_id"),
        Index("ix_observation_external", "submitted_by", "external_id"),
    )

    observation_id: str = Field(primary_key=True)
    series_key: str
    """Of (target, area, breakdown, category, period): what the revisions of one figure share."""
    revision: int
    target_id: str
    area_code: str | None = None
    area_name: str | None = None
    """Only where the area has no code."""
    within: str | None = None
    """Code of the area that an area without a code lies in."""
    breakdown: str | None = None
    category: str | None = None
    period_from: date | None = None
    period_to: date | None = None
    n: int | None = Field(default=None, sa_type=BigInteger)
    passed: int | None = Field(default=None, sa_type=BigInteger)
    value: Decimal | None = Field(default=None, sa_type=Fixed(DECIMALS))
    grade: str | None = None
    state: str | None = None
    components: dict[str, Any] | None = Field(default=None, sa_type=Json)
    source: str
    note: str | None = None
    reason: str | None = None
    """Why this revision replaces the one before."""
    external_id: str | None = None
    submitted_by: str
    department: str | None = None
    digest: str
    """Of what is claimed: tells a repeat from a change."""
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
