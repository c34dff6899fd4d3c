"""The table of case leads."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC, Json


class Lead(Table, table=True):
    """One lead from one failed test report; closed when the report is corrected to a pass."""

    lead_id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(max_length=20)
    source_id: str = Field(max_length=60, unique=True)
    """The test report (`test_id`)."""
    uscc: str = Field(max_length=18, index=True)
    area_code: str = Field(max_length=12)
    state: str = Field(max_length=10)
    """open, closed."""
    detail: dict[str, Any] = Field(sa_type=Json)
    tested_on: date
    opened_at: datetime = Field(sa_type=UTC)
    closed_at: datetime | None = Field(default=None, sa_type=UTC)
    close_reason: str | None = None
