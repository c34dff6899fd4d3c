"""From what was observed to who holds how much. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.traceability.graph.rules import INPUTS, OUTPUTS

SHIPPED = ("shipping",)
RECEIVED = ("receiving", "accepting")
SOLD = ("retail_selling", "dispensing")
DESTROYED = ("destroying", "decommissioning")
MAX_NESTING = 8


@dataclass(frozen=True, slots=True)
class Observation:
    """One event seen by one node: what happened to how much of it, where, between whom."""

    record_id: str
    node: str
    field: str
    event_type: str
    action: str | None
    biz_step: str | None
    disposition: str | None
    at: datetime
    place: str | None
    """GLN."""
    holder: str | None
    """USCC of who captured the event: its word moves its own holdings only. Of a department's event who runs the place,
    else the GLN; parties the same."""
    source: str | None
    destination: str | None
    quantity: Decimal | None
    uom: str | None
    party: str | None = None
    """The enterprise that told it."""
    confirmed: bool = True
    """Whether its word counts for the node."""
    late: bool = False
    """Told before the node was today's owner's, who reads it only once it is confirmed."""
    nowhere: bool = False
    """Whether the place was nobody's then: who registered it since has nothing of the event."""
    recorded: datetime | None = None


@dataclass(frozen=True, slots=True)
class Packing:
    """`content` was in `container` from `since` until `until`."""

    content: str
    container: str
    since: datetime
    until: datetime | None
    quantity: Decimal | None
    uom: str | None
    field: str
    confirmed: bool = True
    """Whether it counts. One that does not tells only who may have the content (`claims.py`)."""
    packer: str | None = None
    """The enterprise that told it."""
    voided: datetime | None = None
    """When it was declared in error."""

    def holds_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at <= self.until)


@dataclass(slots=True)
class Holding:
    """What one holder did with one lot, in one unit."""

    lot_id: str
    holder: str
    uom: str | None
    made: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    shipped: Decimal = Decimal(0)
    used: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    destroyed: Decimal = Decimal(0)
    expected: Decimal = Decimal(0)
    """Shipped to this holder and not yet received."""
    unmeasured: int = 0
    """Events that moved the lot here without telling a quantity."""
    last_seen: datetime | None = None

    @property
    def on_hand(self) -> Decimal:
        """Negative where more went out than is known to have come in."""
        return self.made + self.received - self.shipped - self.used - self.sold - self.destroyed


def effect(event_type: str, action: str | None, biz_step: str | None, name: str) -> str | None:
    """Which column of a holding an observation moves; None where it moves nothing (an inspection, a packing)."""
    if event_type == "TransformationEvent":
        return "used" if name in INPUTS else "made" if name in OUTPUTS else None
    if event_type not in ("ObjectEvent", "TransactionEvent") or name == "parent":
        return None
    for column, steps in (("shipped", SHIPPED), ("received", RECEIVED), ("sold", SOLD), ("destroyed", DESTROYED)):
        if biz_step in steps:
            return column
    if event_type == "ObjectEvent":
        return {"ADD": "made", "DELETE": "destroyed"}.get(action or "")
    return None


def spread(observed: Iterable[Observation], packings: Iterable[Packing]) -> list[Observation]:
    """The observations, and for those of a container that moved it one for everything that was in it at the time."""
    return carried(observed, packings, _moved)


def _moved(seen: Observation, packing: Packing) -> Observation | None:
    if seen.event_type not in ("ObjectEvent", "TransactionEvent"):
        return None
    kind = "quantity" if "quantity" in packing.field else "epc"
    return replace(seen, node=packing.content, field=kind, quantity=packing.quantity, uom=packing.uom)


def carried(
    observed: Iterable[Observation],
    packings: Iterable[Packing],
    within: Callable[[Observation, Packing], Observation | None],
) -> list[Observation]:
    """The observations, and what `within` makes of those of a container for each content that was in it at the time.

    An event that names both a lot and the container that it is in counts once.
    """
    inside: dict[str, list[Packing]] = {}
    for packing in packings:
        inside.setdefault(packing.container, []).append(packing)
    found = list(observed)
    named = {(seen.record_id, seen.node) for seen in found}
    front = found
    for _ in range(MAX_NESTING):
        following: list[Observation] = []
        for seen in front:
            for packing in inside.get(seen.node, ()):
                key = (seen.record_id, packing.content)
                if key in named or not packing.holds_at(seen.at) or (what := within(seen, packing)) is None:
                    continue
                named.add(key)
                following.append(what)
        if not following:
            break
        found += following
        front = following
    return sorted(found, key=lambda seen: (seen.at, seen.record_id))


def amount(seen: Observation) -> Decimal:
    """How much it tells of; an item is one piece."""
    return seen.quantity if seen.quantity is not None else Decimal(0 if "quantity" in seen.field else 1)


def holdings(observed: Iterable[Observation], lot_of: Mapping[str, str]) -> list[Holding]:
    """Holdings by lot and holder. `lot_of`: node -> the lot that it is, or is an item of; other nodes are left out.

    An item (serial number) counts one piece.
    """
    found: dict[tuple[str, str, str | None], Holding] = {}
    sent: dict[tuple[str, str, str | None], Decimal] = {}
    for seen in observed:
        lot_id = lot_of.get(seen.node)
        column = effect(seen.event_type, seen.action, seen.biz_step, seen.field)
        if lot_id is None or seen.holder is None or column is None:
            continue
        key = (lot_id, seen.holder, seen.uom)
        holding = found.setdefault(key, Holding(*key))
        setattr(holding, column, getattr(holding, column) + amount(seen))
        holding.last_seen = seen.at
        holding.unmeasured += "quantity" in seen.field and seen.quantity is None
        if column == "shipped" and seen.destination and seen.destination != seen.holder:
            target = (lot_id, seen.destination, seen.uom)
            sent[target] = sent.get(target, Decimal(0)) + amount(seen)
            found.setdefault(target, Holding(*target))
    for key, most in sent.items():
        found[key].expected = max(Decimal(0), most - found[key].received)
    return sorted(found.values(), key=lambda h: (h.lot_id, h.holder, h.uom or ""))
