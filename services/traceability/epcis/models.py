"""Tables of the EPCIS repository."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC, Fixed, Json


class Capture(Table, table=True):
    """A capture job: the document as it was sent is stored before the `202`, so that no kill loses it."""

    __tablename__ = "capture"

    capture_id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UTC, index=True)
    finished_at: datetime | None = Field(default=None, sa_type=UTC)
    state: str = Field(index=True)
    """`waiting | done | aside`: its work is one transaction, so none is half done. `aside`: its work ended the process
    twice, and an operator decides."""
    worker: str | None = None
    """Who began the work; `begun` counts how often it was begun and never ended, which is what a kill leaves."""
    begun: int = 0
    begun_at: datetime | None = Field(default=None, sa_type=UTC)
    success: bool | None = None
    behaviour: str
    """`rollback | proceed`."""
    principal: dict[str, Any] = Field(sa_type=Json)
    """Who captured: what the owner rule needs when the job runs."""
    owner: str = Field(index=True)
    """Client id, for `GET /epcis/capture`."""
    document: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Emptied when the job is done: the events are in `epcis_event` then."""
    attempts: int = 0
    """How often processing failed for a reason that is not in the document."""
    events: int = 0
    stored: int = 0
    repeated: int = 0
    """Events that were in the repository already, or stand twice in the document."""
    refused: int = 0
    duplicates: list[dict[str, Any]] = Field(sa_type=Json)
    """`{pointer, event_id}` of the first events that are repeated."""
    errors: list[dict[str, Any]] = Field(sa_type=Json)
    """`{exception, event, errors: [{pointer, code, zh, en}]}` of the first events that were refused."""


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
