"""Pure decisions about a polled batch: what is new, and which events one handler call may take together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.bus.envelope import Envelope

Key = tuple[str, str]
"""`(source, key)`."""


@dataclass
class Plan:
    """`fresh` is applied in order; `parked` waits behind dead letters of its key; `ahead` has a gap before it."""

    fresh: list[Envelope] = field(default_factory=list)
    parked: list[Envelope] = field(default_factory=list)
    ahead: list[Envelope] = field(default_factory=list)
    skipped: int = 0
    positions: dict[Key, int] = field(default_factory=dict)
    """The last applied sequence of each key of `fresh`."""
    new: set[Key] = field(default_factory=set)
    """Keys of `fresh` and `ahead` that had no position before."""


def plan_batch(batch: Iterable[Envelope], applied: Mapping[Key, int], blocked: Iterable[Key]) -> Plan:
    """Sort a batch by the inbox positions.

    `applied` is the last sequence of each key that took effect; `blocked` the keys with open dead letters: what is new
    for them waits behind those.
    """
    plan = Plan()
    waiting = set(blocked)
    for envelope in batch:
        key = (envelope.source, envelope.key)
        last = plan.positions.get(key, applied.get(key, 0))
        if envelope.sequence <= last:
            plan.skipped += 1
            continue
        if key in waiting:
            plan.parked.append(envelope)
            continue
        if key not in applied:
            plan.new.add(key)
        if envelope.sequence == last + 1:
            plan.fresh.append(envelope)
            plan.positions[key] = envelope.sequence
        else:
            plan.ahead.append(envelope)
            waiting.add(key)
    return plan


def group_for_handlers(events: Iterable[Envelope]) -> list[tuple[str, list[Envelope]]]:
    """`[(type, events)]` in an order that keeps the order of each key, with as few groups as that allows.

    An event joins the newest group of its type that does not stand before a group which already holds its key.
    """
    groups: list[tuple[str, list[Envelope]]] = []
    newest: dict[str, int] = {}
    floor: dict[Key, int] = {}
    for event in events:
        key = (event.source, event.key)
        at = newest.get(event.type, -1)
        if at < floor.get(key, 0):
            groups.append((event.type, []))
            at = newest[event.type] = len(groups) - 1
        groups[at][1].append(event)
        floor[key] = at
    return groups
