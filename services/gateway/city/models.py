"""Tables of the dashboard. Written only by event handlers; a replay empties and rebuilds them."""

from typing import Any

from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import Json


class TargetRow(Table, table=True):
    __tablename__ = "target_view"

    target_id: str = Field(primary_key=True, max_length=100)
    position: int
    body: dict[str, Any] = Field(sa_type=Json)
    changed_at: str = Field(max_length=27)


class LightRow(Table, table=True):
    """The newest light of one target in one area."""

    __tablename__ = "light_view"

    target_id: str = Field(primary_key=True, max_length=100)
    area_code: str = Field(primary_key=True, max_length=12, index=True)
    body: dict[str, Any] = Field(sa_type=Json)
    changed_at: str = Field(max_length=27)
