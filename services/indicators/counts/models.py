"""Projections of other services' events.

A row is what one event said; `sequence` is that of its key, so a replay writes the same rows. Known time is the
event's.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.indicators.base import Table
from shared.db.types import UTC


class EnterpriseVersion(Table, table=True):
    __tablename__ = "enterprise_version"
    __table_args__ = (Index("ix_enterprise_version_area", "area_code"),)

    uscc: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    area_code: str
    industry_code: str | None = None
    state: str
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)


class ViolationPublication(Table, table=True):
    __tablename__ = "violation_publication"
    __table_args__ = (Index("ix_violation_publication_area", "area_code"),)

    violation_id: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    uscc: str = Field(primary_key=True)
    """The key whose sequence it is: a record may be corrected to another party."""
    area_code: str
    field: str
    published_on: date
    expires_on: date
    ended_on: date | None = None
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    end_known_from: datetime | None = Field(default=None, sa_type=UTC)


class ListingPeriod(Table, table=True):
    __tablename__ = "listing_period"
    __table_args__ = (Index("ix_listing_period_area", "area_code"),)

    listing_id: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    uscc: str = Field(primary_key=True)
    colour: str
    area_code: str
    industry_code: str | None = None
    valid_from: date
    valid_until: date
    ended_on: date | None = None
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    end_known_from: datetime | None = Field(default=None, sa_type=UTC)


class RecallCase(Table, table=True):
    __tablename__ = "recall_case"
    __table_args__ = (Index("ix_recall_case_area", "area_code"),)

    recall_id: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    uscc: str
    area_code: str
    level: int
    opened_at: datetime = Field(sa_type=UTC)
    ended_at: datetime | None = Field(default=None, sa_type=UTC)
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    end_known_from: datetime | None = Field(default=None, sa_type=UTC)


class SampleTest(Table, table=True):
    """One version of one test report, as the event told it."""

    __tablename__ = "sample_test"
    __table_args__ = (Index("ix_sample_test_sample", "sample_id"),)

    test_id: str = Field(primary_key=True)
    lot_id: str = Field(primary_key=True)
    """The key whose sequence it is: a test may be corrected to another lot."""
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    sample_id: str
    target_id: str
    area_code: str
    supervision: bool
    """Only samples taken by supervision (抽检) count in a sampling pass rate; own and commissioned tests do not."""
    passed: bool
    tested_on: date
    known_from: datetime = Field(sa_type=UTC)


class SampleState(Table, table=True):
    """How one sample is counted, from `known_from` until `known_to`: at most one row at any time."""

    __tablename__ = "sample_state"
    __table_args__ = (Index("ix_sample_state_area", "area_code", "target_id"),)

    sample_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    target_id: str
    area_code: str
    year: int
    month: int
    tested_on: date
    passed: bool
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
