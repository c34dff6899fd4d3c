"""From captured events to the way of a lot: steps in order, with a marker where nobody reported the other end. Pure.

A lot moves by itself or inside containers, and comes from materials. Each of these is a flow; in each flow what was
shipped must be received and what was received must have been shipped. A missing half becomes a step with `gap`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.events.traceability import JourneyStep

Role = Literal["own", "material"]

SENT = frozenset({"shipping", "departing"})
RECEIVED = frozenset({"receiving", "accepting"})
DEFAULT_STEPS = {
    "TransformationEvent": "commissioning",
    "AggregationEvent": "packing",
    "AssociationEvent": "assembling",
}
"""What an event without a business step was, by its type."""
MAX_STEPS = 60
"""Longer ways keep their first and their last steps."""


@dataclass(frozen=True)
class Seen:
    """One captured event as one flow sees it."""

    record_id: str
    at: datetime
    flow: str
    """The lot itself, or the material lot; a container's events belong to the flow of what it holds."""
    role: Role
    event_type: str
    biz_step: str | None
    gln: str | None = None
    place: str | None = None
    area_code: str | None = None
    party: str | None = None
    source: str | None = None
    """Party that gave it; `destination` who gets it. USCC or GLN, as the event says."""
    destination: str | None = None
    destination_name: str | None = None
    source_name: str | None = None
    note: str | None = None

    @property
    def step(self) -> str:
        return self.biz_step or DEFAULT_STEPS.get(self.event_type, "observing")


def steps(events: Iterable[Seen]) -> list[JourneyStep]:
    """The journey, oldest first, with gaps where they belong."""
    flows: dict[str, list[Seen]] = {}
    for event in sorted(events, key=lambda seen: (seen.at, seen.record_id)):
        flows.setdefault(event.flow, []).append(event)
    placed = [step for flow in flows.values() for step in _flow(flow)]
    placed.sort(key=lambda item: item[:3])
    found = [step for *_, step in placed]
    if len(found) > MAX_STEPS:
        first = MAX_STEPS // 3
        found = [*found[:first], *found[first - MAX_STEPS :]]
    return found


Placed = tuple[datetime, str, int, JourneyStep]
"""Time, record id and place around the event: a gap stands before (-1) or after (1) the event that shows it."""


def _flow(events: list[Seen]) -> list[Placed]:
    placed: list[Placed] = []
    on_the_way: list[Seen] = []
    for index, event in enumerate(events):
        again = _repeated(events, index)
        if event.step in SENT:
            if again is not None and again in on_the_way:
                on_the_way.remove(again)
                event = replace(event, destination=event.destination or again.destination)
                event = replace(event, destination_name=event.destination_name or again.destination_name)
            on_the_way.append(event)
        elif event.step in RECEIVED and again is None:
            sent = _match(on_the_way, event)
            if sent is not None:
                on_the_way.remove(sent)
            else:
                placed.append((event.at, event.record_id, -1, _gap("shipping", event.source_name)))
        placed.append((event.at, event.record_id, 0, _step(event)))
    placed += [(event.at, event.record_id, 1, _gap("receiving", event.destination_name)) for event in on_the_way]
    return placed


def _match(on_the_way: list[Seen], received: Seen) -> Seen | None:
    """The oldest shipment that may be this one: no two named parties may contradict each other."""
    for sent in on_the_way:
        if _agree(sent.destination, received.destination) and _agree(sent.source, received.source):
            return sent
    return None


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _repeated(events: list[Seen], index: int) -> Seen | None:
    """The event whose half this one tells again: `departing` after `shipping`, `accepting` after `receiving`, at the
    same place with nothing of the other half between."""
    event = events[index]
    same, other = (SENT, RECEIVED) if event.step in SENT else (RECEIVED, SENT)
    for place in range(index - 1, -1, -1):
        before = events[place]
        if before.step in other:
            return None
        if before.step in same and before.step != event.step:
            return before if before.gln == event.gln else None
    return None


def _step(event: Seen) -> JourneyStep:
    return JourneyStep(
        at=event.at,
        step=event.step,
        place=event.place,
        area_code=event.area_code,
        party=event.party,
        note=event.note,
    )


def _gap(step: str, party: str | None) -> JourneyStep:
    return JourneyStep(at=None, step=step, party=party, gap=True)
