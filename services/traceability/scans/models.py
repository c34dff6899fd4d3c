"""Tables of the scan log: projections of `scans.recorded`."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC


class ScanLog(Table, table=True):
    """Single scans, kept for `scan_log_days`; the counters keep their number for good."""

    __tablename__ = "scan_log"
    __table_args__ = (Index("ix_scan_log_code", "code", "at"), Index("ix_scan_log_at", "at"))

    scan_id: str = Field(primary_key=True)
    code: str
    """`<gtin>[/<lot>[/<serial>]]` as scanned, each part percent-encoded."""
    at: datetime = Field(sa_type=UTC)
    area_code: str | None = None


class ScanCounter(Table, table=True):
    """How often one code was scanned, and first and last when and where."""

    __tablename__ = "scan_counter"

    code: str = Field(primary_key=True)
    times: int
    first_at: datetime = Field(sa_type=UTC)
    first_area: str | None = None
    last_at: datetime = Field(sa_type=UTC)


class ScanArea(Table, table=True):
    """Scans of one code in one area; the empty area counts scans that named none."""

    __tablename__ = "scan_area"

    code: str = Field(primary_key=True)
    area_code: str = Field(primary_key=True)
    times: int


class ScanSource(Table, table=True):
    """Up to when one gateway instance has told its scans."""

    __tablename__ = "scan_source"

    instance: str = Field(primary_key=True)
    as_of: datetime = Field(sa_type=UTC)
