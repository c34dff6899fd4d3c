"""Versions of the plan's targets."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field

from services.indicators.base import Table
from shared.db.types import UTC, Json


class TargetVersion(Table, table=True):
    """One target as it stands from `valid_from`, known to the register from `known_from` until `known_to`."""

    __tablename__ = "target_version"

    target_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    position: int
    valid_from: date
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    digest: str
    """SHA-256 of the body: what tells a changed row from the same one."""
    body: dict[str, Any] = Field(sa_type=Json)
    """The catalogue row, with the plan's title, file and date under `source`."""


class NamedLock(Table, table=True):
    """A name that two transactions take one after the other (`locks.py`)."""

    __tablename__ = "named_lock"

    name: str = Field(primary_key=True)
