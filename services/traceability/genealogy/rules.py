"""From events to edges, and from observations to holdings. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

INPUTS = ("input", "input_quantity")
OUTPUTS = ("output", "output_quantity")
CONTENTS = ("child", "child_quantity")
CONTAINMENT = {"AggregationEvent": "aggregation", "AssociationEvent": "association"}


def edges(
    record_id: str, event_type: str, action: str | None, objects: Iterable[tuple[str, str]], at: datetime
) -> Iterator[dict[str, Any]]:
    """Edge rows of one event. `objects`: `(field, node)` of `event_epc`.

    A transformation leads from inputs to outputs; a packing (ADD) from contents to container. Unpacking makes no edge:
    what comes out is what went in, and its neighbours in the container have nothing to do with it. An observed
    container (OBSERVE) tells of contents whose packing nobody reported.
    """
    sides: dict[str, list[str]] = {}
    for name, node in objects:
        sides.setdefault(name, []).append(node)
    if event_type == "TransformationEvent":
        inputs, outputs = _nodes(sides, INPUTS), _nodes(sides, OUTPUTS)
        relation = "transformation"
    elif event_type in CONTAINMENT and action in ("ADD", "OBSERVE"):
        inputs, outputs = _nodes(sides, CONTENTS), _nodes(sides, ("parent",))
        relation = CONTAINMENT[event_type]
    else:
        return
    if not inputs or not outputs:
        return
    if len(inputs) == 1 or len(outputs) == 1:
        pairs = [(source, target, 1) for source in inputs for target in outputs if source != target]
    else:
        pairs = [(source, record_id, 0) for source in inputs] + [(record_id, target, 1) for target in outputs]
    for position, (source, target, hop) in enumerate(pairs):
        yield {
            "record_id": record_id,
            "position": position,
            "from_node": source,
            "to_node": target,
            "relation": relation,
            "hop": hop,
            "at": at,
        }


def _nodes(sides: dict[str, list[str]], names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(node for name in names for node in sides.get(name, ())))


@dataclass(frozen=True, slots=True)
class Observation:
    """One event seen by one node: what happened to how much of it, where, between whom."""

    record_id: str
    node: str
    field: str
    event_type: str
    action: str | None
    biz_step: str | None
    at: datetime
    holder: str | None
    """USCC, else GLN, of who runs the place of the event, else of who captured it."""
    source: str | None
    destination: str | None
    quantity: Decimal | None
    uom: str | None


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
    """Shipped to this holder, and not yet received."""
    last_seen: datetime | None = None
    unmeasured: int = field(default=0)
    """Events that name the lot here without a quantity."""

    @property
    def on_hand(self) -> Decimal:
        return self.made + self.received - self.shipped - self.used - self.sold - self.destroyed


SOLD = ("retail_selling", "dispensing")
DESTROYED = ("destroying", "decommissioning")
SHIPPED = ("shipping",)
RECEIVED = ("receiving", "accepting")


def effect(event_type: str, action: str | None, biz_step: str | None, name: str) -> str | None:
    """Which column of a holding an observation moves; None where it moves nothing (an inspection, a packing)."""
    if event_type == "TransformationEvent":
        return "used" if name in INPUTS else "made" if name in OUTPUTS else None
    if event_type not in ("ObjectEvent", "TransactionEvent"):
        return None
    if biz_step in SHIPPED:
        return "shipped"
    if biz_step in RECEIVED:
        return "received"
    if biz_step in SOLD:
        return "sold"
    if biz_step in DESTROYED or (event_type == "ObjectEvent" and action == "DELETE"):
        return "destroyed"
    if event_type == "ObjectEvent" and action == "ADD":
        return "made"
    return None


def holdings(observations: Iterable[Observation], lot_of: dict[str, str]) -> list[Holding]:
    """Holdings by lot and holder. `lot_of` maps a node to the lot that it is (or is an item of).

    An item (serial number) counts one piece. What was shipped to a holder that has reported no receipt is `expected`.
    """
    found: dict[tuple[str, str, str | None], Holding] = {}

    def at(lot_id: str, holder: str, uom: str | None) -> Holding:
        return found.setdefault((lot_id, holder, uom), Holding(lot_id, holder, uom))

    sent: dict[tuple[str, str, str | None], Decimal] = {}
    for seen in sorted(observations, key=lambda o: (o.at, o.record_id)):
        lot_id = lot_of.get(seen.node)
        moved = effect(seen.event_type, seen.action, seen.biz_step, seen.field)
        if lot_id is None or seen.holder is None or moved is None:
            continue
        amount = seen.quantity if seen.quantity is not None else Decimal(1 if "quantity" not in seen.field else 0)
        holding = at(lot_id, seen.holder, seen.uom)
        setattr(holding, moved, getattr(holding, moved) + amount)
        holding.last_seen = seen.at
        if seen.quantity is None and "quantity" in seen.field:
            holding.unmeasured += 1
        if moved == "shipped" and seen.destination and seen.destination != seen.holder:
            key = (lot_id, seen.destination, seen.uom)
            sent[key] = sent.get(key, Decimal(0)) + amount
    for (lot_id, holder, uom), amount in sent.items():
        holding = at(lot_id, holder, uom)
        holding.expected = max(Decimal(0), amount - holding.received)
    return sorted(found.values(), key=lambda h: (h.lot_id, h.holder, h.uom or ""))
