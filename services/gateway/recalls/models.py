"""Table of recalls. Written only by event handlers; a replay empties and rebuilds it."""

from typing import Any

from sqlalchemy import Index, text
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
    """Shape: `RecallDetail` without `area_name`, `lots_known` and `lots_next`."""
    lots_known: int
    """How many rows `recall_lot_view` has of it; less than `lots_count` of the body while pages are on their way."""
    last_position: int
    changed_at: str = Field(max_length=27)


class RecallLotRow(Table, table=True):
    """One lot of a recall. A scan looks here too, so that a lot is recalled as soon as the recall is known, however
    long its own event is on its way."""

    __tablename__ = "recall_lot_view"
    __table_args__ = (
        Index("recall_lot_view_position", "recall_id", "position"),
        Index("recall_lot_view_gtin", "gtin", "lot"),
        Index("recall_lot_view_lot", "lot"),
        Index("recall_lot_view_in_force", "lot_id", sqlite_where=text("in_force"), postgresql_where=text("in_force")),
    )

    recall_id: str = Field(primary_key=True, max_length=60)
    lot_id: str = Field(primary_key=True, max_length=40)
    position: int
    """In the order in which the lots were told."""
    gtin: str = Field(max_length=14)
    lot: str
    product_name: str
    in_force: bool
    """False when the recall was revoked: after a completed one the food is still not to be eaten."""
