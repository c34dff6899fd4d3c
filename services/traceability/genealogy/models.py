"""The edges of the lot graph."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC


class Edge(Table, table=True):
    """`from_node` went into `to_node`: as an input of a transformation, or as the content of a container.

    An event with several inputs and several outputs is a star with the event itself (or its transformationID) in the
    middle (`hop` 0 on the way in, 1 on the way out), so that its rows are n + m and not n x m. Quantities stand in
    `event_epc`.
    """

    __tablename__ = "edge"
    __table_args__ = (
        Index("ix_edge_from", "from_node", "to_node"),
        Index("ix_edge_to", "to_node", "from_node"),
        Index("ix_edge_record", "record_id"),
    )

    record_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    from_node: str
    to_node: str
    relation: str
    """`transformation | aggregation | association`."""
    hop: int = 1
    at: datetime = Field(sa_type=UTC)
    """Event time."""
    known_from: datetime = Field(sa_type=UTC)
    known_to: datetime | None = Field(default=None, sa_type=UTC)
    """When the event was declared in error."""
    confirmed: bool = True
    """Whether it may enter `to_node`; `source_confirmed`: whether who told it had `from_node`."""
    source_confirmed: bool = True
    late: bool = False
    """Told before the owner of `from_node` came to it: it leads nowhere in that owner's recalls."""
