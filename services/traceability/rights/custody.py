"""Who held a container when, from what is said of it. Pure."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.traceability.rights.rules import Row


@dataclass(frozen=True, slots=True)
class Segment:
    party: str
    since: datetime | None
    until: datetime | None

    def covers(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at <= self.until)


class Custody:
    """Who held a container when. Each segment overlaps at most its neighbours."""

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self.segments = segments
        self._since = [each.since for each in segments[1:] if each.since is not None]

    def at(self, at: datetime) -> Sequence[Segment]:
        """The segments that cover the time, oldest first."""
        last = bisect_right(self._since, at)
        return [each for each in self.segments[max(0, last - 2) : last + 1] if each.covers(at)]

    def holds(self, party: str | None, at: datetime) -> bool:
        return any(each.party == party for each in self.at(at))

    def holder(self, at: datetime) -> str | None:
        """The last that it was handed to by then."""
        return next((each.party for each in reversed(self.at(at))), None)


def origin(
    node: str, own: "Sequence[Row]", packed: "Sequence[Row]", carried: "Sequence[Row]", first: Collection[str] = ()
) -> str | None:
    """Who had the container first. `own`: what is said of it; `packed`: packings of it into others; `carried`: what is
    said of those meanwhile, whoever told the packings; `first`: records that a department wrote or confirmed; they come
    before all others.

    The party that spoke first (in the order of recording: a time in the past can be made up) is believed, and from whom
    it says it received it, if that one speaks too. That it received it inside of another container leads back only
    where its own first word comes after and does not say how it came: it put nothing in, and received it from nobody.
    """
    spoken = [*(row for row in own if row.speaks and row.party), *(row for row in packed if row.party)]
    if not spoken:
        return None
    anchor = min(spoken, key=lambda row: (row.record_id not in first, row.record_id))
    begun: dict[str, tuple[datetime, bool]] = {}
    for row in sorted((row for row in (*own, *packed) if row.party and (row.speaks or row.unpacks)), key=_time):
        begun.setdefault(row.party or "", (row.at, row.node == node and (row.packs or row.creates or row.receives)))
    received: dict[str, list[Row]] = {}
    for row in sorted((*(row for row in own if row.receives), *_led_back(carried, begun)), key=_time):
        if row.party and row.source not in (None, row.party):
            received.setdefault(row.party, []).append(row)
    spoke: dict[str, datetime] = {}
    for row in sorted((row for row in (*own, *packed, *carried) if row.speaks and row.party), key=_time):
        spoke.setdefault(row.party or "", row.at)
    return _origin(anchor, received, spoke)


def _time(row: "Row") -> tuple[datetime, str]:
    return row.at, row.record_id


def _led_back(carried: "Iterable[Row]", begun: Mapping[str, tuple[datetime, bool]]) -> "Iterator[Row]":
    for row in carried:
        first, settled = begun.get(row.party or "", (row.at, False))
        if row.receives and row.at <= first and not settled:
            yield row


class Way:
    """Who had the container one after another from who had it first: to whom each holder's own shipping names has it
    next, once that one says something after it. Until then the sender may speak too; what goes to one who never speaks
    may have come back without a word.

    Words are added in the order of time by and large, and it is followed no further than one asks, so that what is
    added undoes little of what was found."""

    def __init__(self, party: str | None, rows: "Iterable[Row]") -> None:
        self._party = party
        self._since: datetime | None = None
        self._looked: datetime | None = None
        """The holder's shipments before are answered by nobody."""
        self._steps: list[tuple[Segment, Row]] = []
        """What is over, each with the shipment that ended it."""
        self._used: set[str] = set()
        self._sent: dict[str, list[Row]] = {}
        self._to: dict[str, list[datetime]] = {}
        self._spoke: dict[str, list[datetime]] = {}
        self.add(rows)

    def add(self, rows: "Iterable[Row]") -> None:
        changed: list[datetime] = []
        for row in sorted((row for row in rows if row.speaks and row.party), key=_time):
            said = self._spoke.setdefault(row.party or "", [])
            place, waiting = bisect_left(said, row.at), self._to.get(row.party or "", [])
            unanswered = bisect_right(waiting, said[place - 1]) if place else 0
            changed += waiting[unanswered : unanswered + 1]  # it answers what was sent since its word before
            said.insert(place, row.at)
            if row.sends and row.destination not in (None, row.party):
                insort(self._sent.setdefault(row.party or "", []), row, key=_time)
                insort(self._to.setdefault(row.destination or "", []), row.at)
                changed.append(row.at)
        if changed:
            self._undo(min(changed))

    def _undo(self, since: datetime) -> None:
        while self._steps and self._steps[-1][1].at >= since:
            segment, shipment = self._steps.pop()
            self._used.remove(shipment.record_id)
            self._party, self._since, self._looked = segment.party, segment.since, since
        if self._looked is not None and self._looked > since:
            self._looked = since

    def _follow(self, to: datetime | None) -> None:
        while self._party is not None and (shipment := self._next(to)) is not None:
            answers = self._spoke[shipment.destination or ""]
            until = answers[bisect_left(answers, shipment.at)]
            self._steps.append((Segment(self._party, self._since, until), shipment))
            self._used.add(shipment.record_id)
            self._party, self._since, self._looked = shipment.destination, shipment.at, shipment.at

    def _next(self, to: datetime | None) -> "Row | None":
        """The holder's next shipment, until then, to one who says something after it."""
        sent = self._sent.get(self._party or "", [])
        start = 0 if self._looked is None else bisect_left(sent, self._looked, key=lambda row: row.at)
        for index in range(start, len(sent)):
            row = sent[index]
            if to is not None and row.at > to:
                break
            self._looked = row.at
            answers = self._spoke.get(row.destination or "", ())
            if row.record_id not in self._used and bisect_left(answers, row.at) < len(answers):
                return row
        return None

    def holds(self, party: str | None, at: datetime) -> bool:
        self._follow(at)
        found = [segment for segment, _ in self._steps[-2:]]
        if self._party is not None:
            found.append(Segment(self._party, self._since, None))
        return any(each.party == party and each.covers(at) for each in found)

    def custody(self) -> Custody:
        self._follow(None)
        held = [segment for segment, _ in self._steps]
        return Custody(held if self._party is None else [*held, Segment(self._party, self._since, None)])


def _origin(anchor: "Row", received: "Mapping[str, Sequence[Row]]", spoke: Mapping[str, datetime]) -> str:
    """Back along what each says it received from whom, as far as that one speaks too."""
    assert anchor.party is not None
    party, at, seen = anchor.party, anchor.at, set[str]()
    while True:
        rows = received.get(party, ())
        last = bisect_right(rows, at, key=lambda row: row.at)
        found = next(
            (
                row
                for row in reversed(rows[:last])
                if row.record_id not in seen and row.source and row.source in spoke and spoke[row.source] <= row.at
            ),
            None,
        )
        if found is None:
            return party
        seen.add(found.record_id)
        assert found.source is not None
        party, at = found.source, found.at
