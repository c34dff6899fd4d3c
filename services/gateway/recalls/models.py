"""Table of recalls. Written only by event handlers; a replay empties and rebuilds it."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import Json


class RecallRow(Table, table=True):
    __tablename__ = "recall_view"
    __table_args__ = (Index("recall_view_state", "state", "opened_at", "recall_id"),)

    recall_id: str = Field(primary_key=True, max_length=60)
    uscc: str = Field(max_length=18)
    state: str = Field(max_length=6)
    opened_at: str = Field(max_length=27)
    """UTC text, fixed width: its order is the order of time."""
    words: str
    """What a search looks in: number, party, products, lots, GTINs, reason; lower case."""
    body: dict[str, Any] = Field(sa_type=Json)
    """Shape: `RecallDetail` without `area_name`."""
    changed_at: str = Field(max_length=27)
