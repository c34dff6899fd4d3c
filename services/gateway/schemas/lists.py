"""Red and black list, recalls, feed, state of the services."""

from typing import (
    Literal,  # pydantic takes no other TypedDict before Python 3.12
)

from typing_extensions import TypedDict

from services.gateway.schemas.city import FeedItem
from services.gateway.schemas.common import Colour, Envelope
from services.gateway.schemas.enterprise import Listing, RecallLot, RecallSummary


class ListView(Envelope):
    colour: Colour
    q: str | None
    area_code: str | None
    items: list[Listing]
    """In force on the day of the answer, newest publication first."""
    total: int
    totals: dict[str, int]
    """Entries in force of both lists without the filters: `black`, `red`."""
    next: str | None
    """Cursor of the next page."""


class RecallDetail(RecallSummary):
    risk: str | None
    instructions: str | None
    contact: str | None
    start_by: str
    outcome: str | None
    changes: list[dict[str, str]]
    """`at`, `change`: the newest 200, oldest first."""
    lots_known: int
    """How many of the `lots_count` lots have arrived here; each of them is shown as recalled when it is scanned."""
    lots_next: str | None
    """Address of all lots; null when `lots` holds them."""


class RecallsView(Envelope):
    state: Literal["open", "closed", "all"]
    q: str | None
    items: list[RecallSummary]
    total: int
    next: str | None


class RecallView(Envelope):
    recall: RecallDetail


class RecallLotsView(Envelope):
    items: list[RecallLot]
    lots_count: int
    lots_known: int
    next: str | None


class FeedView(Envelope):
    items: list[FeedItem]
    next: str | None


class ServiceState(TypedDict):
    name: str
    """`indicators`, `credit`, `traceability`, `gateway`."""
    state: Literal["up", "degraded", "down", "unknown"]
    """`degraded`: it answers but says it is not ready. `unknown`: not asked yet."""
    last_contact: str | None
    as_of: str | None
    """Up to when the gateway has all its events."""
    age_seconds: int | None
    outbox_pending: int | None
    outbox_oldest_seconds: float | None
    lag_records: int | None
    """Events of this service that the gateway has not applied."""
    breaker: Literal["closed", "open", "half_open"]
    detail: str | None


class StateView(TypedDict):
    at: str
    """Time of the answer."""
    ok: bool
    services: list[ServiceState]
    dead_letters: int
