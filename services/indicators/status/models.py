"""The lights as last announced."""

from datetime import date
from typing import Any

from sqlmodel import Field

from services.indicators.base import Table
from shared.db.types import Json


class Light(Table, table=True):
    """Body of the last `light.changed` of a target in an area: what tells whether something changed."""

    __tablename__ = "light"

    target_id: str = Field(primary_key=True)
    area_code: str = Field(primary_key=True)
    light: str
    as_of: date
    body: dict[str, Any] = Field(sa_type=Json)
