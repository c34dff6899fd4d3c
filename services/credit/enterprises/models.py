"""Tables of the enterprises: the present state, every statement ever made, the bigrams that names are found by."""

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC, Json


class Enterprise(Table, table=True):
    """The latest statement about a subject."""

    uscc: str = Field(primary_key=True, max_length=18)
    version: int
    name: str
    former_names: list[str] = Field(sa_type=Json)
    area_code: str = Field(max_length=12)
    industry_code: str | None = Field(default=None, max_length=5)
    state: str = Field(max_length=10)
    chief_quality_officer: bool = False
    source: str = Field(max_length=20)
    """`register` (a department stated it) or `violation` (taken from a penalty, not yet confirmed)."""
    valid_from: date
    known_from: datetime = Field(sa_type=UTC)


class EnterpriseVersion(Table, table=True):
    """One statement: how the subject was from `valid_from` on, as known from `known_from` on.

    The state on a day, as known at an instant, is the latest statement known by then that covers the day.
    """

    __tablename__ = "enterprise_version"
    uscc: str = Field(primary_key=True, max_length=18)
    version: int = Field(primary_key=True)
    name: str
    former_names: list[str] = Field(sa_type=Json)
    area_code: str = Field(max_length=12)
    industry_code: str | None = Field(default=None, max_length=5)
    state: str = Field(max_length=10)
    chief_quality_officer: bool = False
    source: str = Field(max_length=20)
    valid_from: date
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    """When the next statement was made. It may leave earlier days to this one."""
    recorded_by: str


class EnterpriseBigram(Table, table=True):
    """Two neighbouring characters of a present or former name. The same on both databases, and it finds 苹果."""

    __tablename__ = "enterprise_bigram"
    bigram: str = Field(primary_key=True, max_length=2)
    uscc: str = Field(primary_key=True, max_length=18)

    __table_args__ = (Index("enterprise_bigram_uscc", "uscc"),)
