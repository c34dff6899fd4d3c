"""The answer of a trace."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from shared.web import Out


class PartyMark(Out):
    uscc: str
    name: str | None
    colour: Literal["red", "black"] | None
    """Of the listing in force today, black before red."""
    as_of: datetime | None


class NodeOut(Out):
    node: str
    """`<gtin14>.<lot>`, else a Digital Link URI."""
    kind: Literal["lot", "item", "container", "class", "other"]
    direction: Literal["self", "backward", "forward"]
    depth: int
    product_name: str | None = None
    owner: PartyMark | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    place: str | None = None
    """Name, else GLN, of where it was seen last."""
    area_code: str | None = None
    disposition: str | None = None
    last_seen: datetime | None = None


class AmountOut(Out):
    node: str
    quantity: Decimal | None
    uom: str | None


class EdgeOut(Out):
    """An event that leads from inputs to outputs, or from contents to their container."""

    event_id: str
    relation: Literal["transformation", "aggregation", "association"]
    at: datetime
    biz_step: str | None
    place: str | None
    inputs: list[AmountOut]
    outputs: list[AmountOut]


class HoldingOut(Out):
    lot_id: str
    holder: str
    holder_name: str | None
    uom: str | None
    made: Decimal
    received: Decimal
    shipped: Decimal
    used: Decimal
    sold: Decimal
    destroyed: Decimal
    on_hand: Decimal
    expected: Decimal


class Finding(Out):
    """Something that cannot be as it was reported, or that nobody reported."""

    code: Literal[
        "received_without_shipping",
        "shipped_without_receipt",
        "more_out_than_in",
        "sold_after_expiry",
        "no_origin",
        "unconfirmed",
        "not_open",
        "ends_left_out",
    ]
    node: str
    holder: str | None = None
    text: str
    text_en: str


class Completeness(Out):
    complete: bool
    text: str
    text_en: str


class TraceOut(Out):
    lot_id: str
    direction: Literal["backward", "forward", "both"]
    nodes: list[NodeOut]
    edges: list[EdgeOut]
    holdings: list[HoldingOut]
    completeness: Completeness
    findings: list[Finding]
    truncated: bool
    """Whether a bound (depth or number of nodes) left out what the caller reads, or may read; ask again from one of the
    outermost lots. Where only ends were left out (objects that are not open to the caller) the finding `ends_left_out`
    says how many."""
