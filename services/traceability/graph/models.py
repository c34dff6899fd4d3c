"""Tables of the graph: events, the objects that they name, the edges between them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC, Fixed, Json


class EpcisEvent(Table, table=True):
    """A captured event. An error declaration is an event of its own beside the one that it declares."""

    __tablename__ = "epcis_event"
    __table_args__ = (
        UniqueConstraint("captured_by", "event_id", "declaration", name="uq_epcis_event_of_party"),
        Index("ix_epcis_event_event_time", "event_time", "record_id"),
        Index("ix_epcis_event_record_time", "record_time", "record_id"),
    )

    record_id: str = Field(primary_key=True)
    """UUIDv7: grows with the time of recording."""
    captured_by: str
    """USCC of the enterprise, or `department:<code>`: whose event ids these are."""
    event_id: str = Field(index=True)
    """The `eventID` of the document, else `hash_id`: unique for each capturing party."""
    hash_id: str = Field(index=True)
    """`ni:///sha-256;...?ver=CBV2.0`, without the eventID, recordTime and errorDeclaration by its definition."""
    declaration: bool = False
    """True for an event that carries an `errorDeclaration`."""
    errored_at: datetime | None = Field(default=None, sa_type=UTC)
    """When the repository learned that this event was in error; it takes no part in the graph from then on."""
    event_type: str
    action: str | None = None
    event_time: datetime = Field(sa_type=UTC)
    record_time: datetime = Field(sa_type=UTC)
    biz_step: str | None = Field(default=None, index=True)
    """Bare CBV word (`shipping`), or the URI of a step of the capturer's own; the same for `disposition`."""
    disposition: str | None = None
    read_point: str | None = Field(default=None, index=True)
    biz_location: str | None = Field(default=None, index=True)
    place_gln: str | None = Field(default=None, index=True)
    """GLN of the place where the event was: of `biz_location`, else of `read_point`."""
    source_party: str | None = Field(default=None, index=True)
    """GLN of the possessing, else owning party of the source list; `destination_party` the same. Whose it is stands in
    `place`, which may learn of it later."""
    destination_party: str | None = Field(default=None, index=True)
    owner_uscc: str | None = Field(default=None, index=True)
    """The enterprise that captured it; null for a department."""
    captured_area: str | None = None
    """Area of the department that captured it."""
    area_code: str | None = None
    capture_id: str | None = Field(default=None, index=True)
    body: dict[str, Any] = Field(sa_type=Json)
    """The event with canonical identifiers (GS1 Digital Link) and bare CBV words."""


class EventEpc(Table, table=True):
    """Every object that an event names, with the list it stands in."""

    __tablename__ = "event_epc"
    __table_args__ = (
        Index("ix_event_epc_value", "value", "record_id"),
        Index("ix_event_epc_node", "node", "record_id"),
        Index("ix_event_epc_open", "node", sqlite_where=text("confirmed = 0"), postgresql_where=text("NOT confirmed")),
        Index(
            "ix_event_epc_asks",
            "asks",
            "record_id",
            sqlite_where=text("asks IS NOT NULL"),
            postgresql_where=text("asks IS NOT NULL"),
        ),
    )

    record_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    field: str
    """`epc | parent | child | input | output`, and for classes with quantities `quantity | child_quantity |
    input_quantity | output_quantity`."""
    value: str
    """Canonical Digital Link URI."""
    node: str
    """Name in the lot graph: `<gtin14>.<lot>` for a lot, the canonical URI for everything else."""
    gtin: str | None = Field(default=None, index=True)
    """Of a lot, item or class."""
    quantity: Decimal | None = Field(default=None, sa_type=Fixed(6))
    uom: str | None = None
    confirmed: bool = True
    """Whether the word of who captured the event counts for the object (`rights/rules.py`)."""
    asks: str | None = None
    """Who may confirm it (USCC), where it does not count."""
    late: bool = False
    """Told before the object was somebody's, or before today's owner came to it."""


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
