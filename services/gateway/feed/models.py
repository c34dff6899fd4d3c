"""The feed: what was announced, in the order in which it was. Not a projection: a replay must not announce again."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import Json


class FeedRow(Table, table=True):
    __tablename__ = "feed"

    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    """Gap-free in the order of commits (a counter under a row lock), so that a reader may resume after any number."""
    event_id: str = Field(unique=True, max_length=60)
    body: dict[str, Any] = Field(sa_type=Json)
    """Shape: `FeedItem` without `seq`."""
    ref: str = Field(max_length=60, index=True)
    """The record that it speaks of."""
    shown_until: date | None = None
    """Last day on which it is shown. A penalty or a listing leaves the feed when it may no longer be published."""


class FeedCounter(Table, table=True):
    __tablename__ = "feed_counter"

    name: str = Field(primary_key=True, max_length=10)
    last: int = Field(sa_type=BigInteger)
