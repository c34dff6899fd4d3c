"""The projection of traceability's recalls."""

from datetime import date, datetime

from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC


class RecallNote(Table, table=True):
    """One recall as last told by traceability; no wall clock of this service in it."""

    __tablename__ = "recall_note"
    recall_id: str = Field(primary_key=True, max_length=36)
    number: str
    uscc: str = Field(max_length=18, index=True)
    area_code: str = Field(max_length=12)
    level: int
    reason: str
    reason_en: str | None = None
    lots: int
    state: str = Field(max_length=10)
    """open, closed."""
    opened_at: datetime = Field(sa_type=UTC)
    start_by: datetime = Field(sa_type=UTC)
    finish_by: date = Field(index=True)
    closed_at: datetime | None = Field(default=None, sa_type=UTC)
    outcome: str | None = None
