"""Tables behind a scan. Written only by event handlers; a replay empties and rebuilds them."""

from typing import Any

from sqlalchemy import Text
from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import Json


class LotRow(Table, table=True):
    """The verdict state of one lot as traceability announced it last."""

    __tablename__ = "lot_view"

    lot_id: str = Field(primary_key=True, max_length=40)
    producer_uscc: str = Field(max_length=18, index=True)
    body: dict[str, Any] = Field(sa_type=Json)
    scan_zh: str | None = Field(default=None, sa_type=Text)
    """`scans.body.ready` of the body; null in a row that was stored before there was such a column."""
    scan_en: str | None = Field(default=None, sa_type=Text)
    changed_at: str = Field(max_length=27)


class ProductRow(Table, table=True):
    """One GTIN as its owner registered it."""

    __tablename__ = "product_view"

    gtin: str = Field(primary_key=True, max_length=14)
    owner_uscc: str | None = Field(default=None, max_length=18)
    body: dict[str, Any] | None = Field(default=None, sa_type=Json)
    changed_at: str = Field(max_length=27)
