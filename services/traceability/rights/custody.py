"""Who held a container when, from what is said of it. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
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


def custody(rows: "Iterable[Row]", first: Collection[str] = ()) -> Custody:
    """`rows`: what is said of the container, and of what it was in at the time. `first`: records that a department
    wrote or confirmed; they come before all others.

    The party that spoke first (in the order of recording: a time in the past can be made up) is believed, and whom it
    names: who it says it received from, if that one speaks too, had it before; to whom its shipping goes has it next.
    """
    spoken = sorted((row for row in rows if row.speaks and row.party), key=lambda row: (row.at, row.record_id))
    if not spoken:
        return Custody()
    times: dict[str, list[datetime]] = {}
    sent: dict[str, list[Row]] = {}
    received: dict[str, list[Row]] = {}
    for row in spoken:
        assert row.party is not None
        times.setdefault(row.party, []).append(row.at)
        if row.sends and row.destination not in (None, row.party):
            sent.setdefault(row.party, []).append(row)
        if row.receives and row.source not in (None, row.party):
            received.setdefault(row.party, []).append(row)
    anchor = min(spoken, key=lambda row: (row.record_id not in first, row.record_id))
    party, since = _origin(anchor, received, times), None
    segments: list[Segment] = []
    while (step := _handed_on(sent.get(party, []), since, times)) is not None:
        shipment, until = step
        segments.append(Segment(party, since, until))
        assert shipment.destination is not None
        party, since = shipment.destination, shipment.at
        sent[shipment.party or ""].remove(shipment)
    return Custody([*segments, Segment(party, since, None)])


def _origin(anchor: "Row", received: "Mapping[str, Sequence[Row]]", times: Mapping[str, Sequence[datetime]]) -> str:
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
                if row.record_id not in seen and row.source and row.source in times and times[row.source][0] <= row.at
            ),
            None,
        )
        if found is None:
            return party
        seen.add(found.record_id)
        assert found.source is not None
        party, at = found.source, found.at


def _handed_on(
    sent: "Sequence[Row]", since: datetime | None, times: Mapping[str, Sequence[datetime]]
) -> "tuple[Row, datetime] | None":
    """The holder's next shipment to one who says something after it, and when that one first speaks. Until then the
    sender may speak too; what goes to one who never speaks may have come back without a word."""
    start = 0 if since is None else bisect_left(sent, since, key=lambda row: row.at)
    for row in sent[start:]:
        answers = times.get(row.destination or "", ())
        index = bisect_left(answers, row.at)
        if index < len(answers):
            return row, answers[index]
    return None
