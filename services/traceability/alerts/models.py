"""Tables of alerts."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC


class Alert(Table, table=True):
    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("rule", "cause", "occurrence"),
        Index("ix_alert_state", "state", "alert_id"),
    )

    alert_id: str = Field(primary_key=True)
    rule: str
    """Code of the rule (`alerts/rulebook.py`) that opened it."""
    cause: str
    """What opened it: `test:<id>` or `listing:<id>`. One open alert for each rule and cause."""
    occurrence: int = 1
    """Grows when a cause comes back after its alert was closed."""
    subject: str = Field(index=True)
    """Lot id, or the USCC of a party."""
    area_code: str
    holds: bool
    summary: str
    summary_en: str
    note: str | None = None
    """What became of the cause since, e.g. that the report was corrected."""
    note_en: str | None = None
    state: str
    """`open | acknowledged | closed`; the first two count as open."""
    opened_at: datetime = Field(sa_type=UTC)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTC)
    acknowledged_by: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=UTC)
    closed_by: str | None = None
    close_reason: str | None = None


class AlertLot(Table, table=True):
    """A lot that an alert touches; `holding` while the alert is open and holds."""

    __tablename__ = "alert_lot"
    __table_args__ = (
        Index("ix_alert_lot_open", "lot_id", sqlite_where=text("open = 1"), postgresql_where=text("open")),
    )

    alert_id: str = Field(primary_key=True)
    lot_id: str = Field(primary_key=True)
    open: bool = True
