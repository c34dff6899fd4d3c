"""Tables of tests and alerts. Written only by event handlers; a replay empties and rebuilds them."""

from datetime import date
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import Json


class TestRow(Table, table=True):
    """One test report in its newest version."""

    __test__ = False
    __tablename__ = "test_view"
    __table_args__ = (Index("test_view_producer", "producer_uscc", "kind", "tested_on"),)

    test_id: str = Field(primary_key=True, max_length=60)
    producer_uscc: str = Field(max_length=18)
    kind: str = Field(max_length=12)
    result: str = Field(max_length=4)
    tested_on: date
    body: dict[str, Any] = Field(sa_type=Json)


class AlertRow(Table, table=True):
    """One alert. Never read by a public answer."""

    __tablename__ = "alert_view"

    alert_id: str = Field(primary_key=True, max_length=60)
    closed_at: str | None = Field(default=None, max_length=27)
    body: dict[str, Any] = Field(sa_type=Json)


class AlertSubjectRow(Table, table=True):
    """What an alert speaks of: its subject (a USCC, a lot ...) and every lot that it names."""

    __tablename__ = "alert_subject_view"

    subject: str = Field(primary_key=True, max_length=200)
    alert_id: str = Field(primary_key=True, max_length=60)
