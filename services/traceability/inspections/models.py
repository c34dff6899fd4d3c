"""Table of test reports."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC, Json


class LotTest(Table, table=True):
    """One version of a test report, as it was known from `known_from` until `known_to` (null: still)."""

    __tablename__ = "lot_test"
    __table_args__ = (
        UniqueConstraint("recorder", "laboratory", "report_number", "version", name="uq_lot_test_number"),
        Index("ix_lot_test_lot", "lot_id", "known_to"),
        Index("ix_lot_test_known_from", "known_from", "test_id"),
    )

    test_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    lot_id: str
    gtin: str
    producer_uscc: str = Field(index=True)
    area_code: str
    """Where the sample was taken; the producer's area unless the report says otherwise."""
    sample_id: str = Field(index=True)
    kind: str
    """`supervision | self | entrusted` (监督抽检、自检、委托检验)."""
    category: str
    """`food | agricultural`."""
    laboratory: str
    report_number: str
    sampled_on: date
    tested_on: date
    items: list[dict[str, Any]] = Field(sa_type=Json)
    """`{name, method, limit, value, unit, result}`."""
    result: str
    """`pass | fail`."""
    attachment: str | None = Field(default=None, max_length=64)
    """SHA-256 of the report as a file, kept among the service's attachments."""
    recorder: str
    """Who answers for the record and alone corrects it: `department:<code>` or `enterprise:<uscc>`. A laboratory's
    number is unique for each recorder, so that nobody takes a number from another."""
    reason: str | None = None
    """Why this version replaced the former one; null for the first."""
    recorded_by: str
    department: str | None = None
