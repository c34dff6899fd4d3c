"""Who says that it has or had a lot, though nobody confirmed it: directly, or inside of a container that somebody says
it was packed into. Such a word moves nothing; who spoke is told of a recall, since the food may be there. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.traceability.genealogy.holdings import (
    MAX_NESTING,
    SHIPPED,
    Holding,
    Observation,
    Packing,
    amount,
    carried,
    effect,
    holdings,
)
from services.traceability.graph.rules import CONTAINMENT

KEPT = frozenset(
    (
        *("departing", "arriving", "accepting", "storing", "stocking", "holding", "loading", "unloading"),
        *("transporting", "picking", "staging_outbound", "collecting", "packing", "unpacking", "repackaging"),
        "retail_selling",
    )
)
"""Business steps of who has the food in hand, beside those that move quantities; who inspects it need not have it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one firm says that it had of a lot, in one unit; empty where it told no quantity."""

    holding: Holding
    confirmed: bool
    """Whether its word counts; a word that counts and moves nothing (a packing) tells no quantity either."""


Key = tuple[str, str]
"""Lot and holder."""


def claims(
    told: Sequence[Observation], packings: Sequence[Packing], lot_ids: Collection[str], held: Collection[Key]
) -> list[Claim]:
    """Of everybody beside those who hold some (`held`). `told`: all that is said of the lots and of the containers;
    `packings`: also those that do not count. Whom a firm whose word on the lot counts says that it sent a container
    to is among them: that one may have it and be silent."""
    # What counts comes first: what is said of a content once is said as it counts.
    ended = sorted(_ended(told, packings), key=lambda packing: not packing.confirmed)
    said = carried(told, ended, _within)
    entitled = {(seen.node, seen.party) for seen in told if seen.confirmed and seen.party}
    words: dict[Key, list[Observation]] = {}
    sent: dict[Key, list[Observation]] = {}
    for seen in said:
        if seen.node not in lot_ids or seen.party is None:
            continue
        if has(seen) and (seen.node, seen.party) not in held:
            words.setdefault((seen.node, seen.party), []).append(seen)
        to = (seen.node, seen.destination or "")
        onward = not seen.confirmed and seen.biz_step in SHIPPED and (seen.node, seen.party) in entitled
        if onward and seen.destination not in (None, seen.party) and to not in held:
            sent.setdefault(to, []).append(seen)
    found: list[Claim] = []
    for key in sorted(words.keys() | sent.keys()):
        found += _claims_of(key, words.get(key, ()), sent.get(key, ()))
    return found


def has(seen: Observation) -> bool:
    """Whether who tells it says that the thing is or was in its hands."""
    if effect(seen.event_type, seen.action, seen.biz_step, seen.field) is not None:
        return True
    return seen.event_type in CONTAINMENT or seen.biz_step in KEPT


def _claims_of(key: Key, words: Sequence[Observation], sent: Sequence[Observation]) -> list[Claim]:
    lot_id, holder = key
    if words and not sent and all(seen.confirmed for seen in words):
        return [Claim(Holding(lot_id, holder, None), confirmed=True)]
    mine = [replace(seen, holder=holder, destination=None) for seen in words]
    found = {holding.uom: holding for holding in holdings(mine, {lot_id: lot_id})}
    for seen in sent:
        holding = found.setdefault(seen.uom, Holding(lot_id, holder, seen.uom))
        holding.expected += amount(seen)
    for holding in found.values():
        holding.expected = max(Decimal(0), holding.expected - holding.received)
    rows = [found[uom] for uom in sorted(found, key=lambda uom: uom or "")]
    return [Claim(holding, confirmed=False) for holding in rows or [Holding(lot_id, holder, None)]]


def _unsaid(packing: Packing, seen: Observation) -> bool:
    """A packing that was declared in error still speaks of what was told before that: nobody unsays what another has by
    then."""
    return packing.voided is not None and seen.recorded is not None and seen.recorded > packing.voided


def _within(seen: Observation, packing: Packing) -> Observation | None:
    if _unsaid(packing, seen):
        return None
    measured = "quantity" in packing.field
    used = seen.event_type == "TransformationEvent"
    kind = ("input_quantity" if measured else "input") if used else ("quantity" if measured else "epc")
    return replace(
        seen,
        node=packing.content,
        field=kind,
        quantity=packing.quantity,
        uom=packing.uom,
        confirmed=seen.confirmed and packing.confirmed,
    )


def _ended(told: Sequence[Observation], packings: Sequence[Packing]) -> list[Packing]:
    """Each packing with its end. One that does not count is ended by who told it, by whom that one's own shipping names
    (and so on), or by a department: whoever else speaks of the container as its own would end what others say."""
    waiting = [packing for packing in packings if not packing.confirmed]
    if not waiting:
        return list(packings)
    unpacked: dict[str, list[Observation]] = {}
    sent: dict[str, list[Observation]] = {}
    for seen in told:
        if seen.field == "parent" and seen.action == "DELETE":
            unpacked.setdefault(seen.node, []).append(seen)
        elif seen.biz_step in (*SHIPPED, "departing") and seen.destination and seen.party:
            sent.setdefault(seen.node, []).append(seen)
    above: dict[str, set[str]] = {}
    for packing in packings:
        above.setdefault(packing.content, set()).add(packing.container)
    ends: dict[tuple[str | None, str, datetime], datetime | None] = {}
    found: list[Packing] = []
    for packing in packings:
        if not packing.confirmed:
            key = (packing.packer, packing.container, packing.since)
            if key not in ends:
                circle = _circle(packing, above, sent)
                ends[key] = min(
                    (
                        seen.at
                        for seen in unpacked.get(packing.container, ())
                        if seen.at >= packing.since
                        and (seen.party in circle if seen.party is not None else seen.confirmed)
                    ),
                    default=None,
                )
            packing = replace(packing, until=ends[key])
        found.append(packing)
    return found


def _circle(
    packing: Packing, above: Mapping[str, Collection[str]], sent: Mapping[str, Sequence[Observation]]
) -> set[str | None]:
    """Who had the container after the packing, as they themselves say who handed it on."""
    nodes = {packing.container}
    for _ in range(MAX_NESTING):
        nodes |= {upper for node in nodes for upper in above.get(node, ())}
    shipments = sorted(
        (seen for node in nodes for seen in sent.get(node, ()) if seen.at >= packing.since), key=lambda seen: seen.at
    )
    circle: set[str | None] = {packing.packer}
    for seen in shipments:
        if seen.party in circle:
            circle.add(seen.destination)
    return circle
