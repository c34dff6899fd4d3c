"""Whose an object is, and which word on it counts. Pure.

A lot or item belongs to the owner of its GTIN and to the makers that the owner named. A container (everything without a
GTIN) belongs to who holds it: who spoke of it first, then whom each holder's own shipping named. A statement of anybody
else is kept and stays unconfirmed: it marks nothing of the owner's.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from services.traceability.genealogy.rules import OUTPUTS

SENT = frozenset({"shipping", "departing"})
RECEIVED = frozenset({"receiving", "accepting", "arriving"})
MAX_NESTING = 8
Kind = Literal["lot", "item", "class", "object"]
_LOT = re.compile(r"(\d{14})\..+", re.DOTALL)
_PRODUCT = re.compile(r"https://id\.gs1\.org/01/(\d{14})(/2(?:1|35)/.+)?(?:/.*)?", re.DOTALL)


@lru_cache(maxsize=65_536)
def kind_of(node: str) -> tuple[Kind, str | None]:
    """What a node of the graph is, with its GTIN."""
    if found := _LOT.fullmatch(node):
        return "lot", found[1]
    if found := _PRODUCT.fullmatch(node):
        return ("item" if found[2] else "class"), found[1]
    return "object", None


def creates(event_type: str, action: str | None, name: str) -> bool:
    """Whether an event brings into being what it names in the field."""
    if event_type == "TransformationEvent":
        return name in OUTPUTS
    return event_type == "ObjectEvent" and action == "ADD" and name in ("epc", "quantity")


@dataclass(slots=True)
class Row:
    """What one event in force says of one node."""

    record_id: str
    position: int
    node: str
    field: str
    event_type: str
    action: str | None
    biz_step: str | None
    at: datetime
    party: str | None
    """USCC of the enterprise that captured it; of a department's event who runs the place."""
    authority: str | None = None
    """Area of the department that captured it; None for an enterprise's event."""
    source: str | None = None
    """USCC, where the registration of the named place supports it; the destination the same."""
    destination: str | None = None
    confirmed: bool = True
    asks: str | None = None

    @property
    def creates(self) -> bool:
        """Whether the event brings the object into being."""
        return creates(self.event_type, self.action, self.field)

    @property
    def sends(self) -> bool:
        return self.biz_step in SENT and self.field in ("epc", "quantity")

    @property
    def receives(self) -> bool:
        return self.biz_step in RECEIVED and self.field in ("epc", "quantity")

    @property
    def packs(self) -> bool:
        return self.field == "parent" and self.action in ("ADD", "OBSERVE")

    @property
    def unpacks(self) -> bool:
        return self.field == "parent" and self.action == "DELETE"

    @property
    def speaks(self) -> bool:
        """Whether it tells of who has the container: nobody holds what he only looked at."""
        return self.creates or self.packs or self.sends or self.receives


@dataclass(frozen=True, slots=True)
class Maker:
    """Who may make lots of a GTIN beside its owner, on which days of Shanghai (inclusive)."""

    uscc: str
    since: date | None = None
    until: date | None = None

    def on(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Title:
    """Whose a GTIN is: registered, else claimed by who first made something of it."""

    owner: str
    area_code: str | None
    makers: tuple[Maker, ...] = ()

    @property
    def parties(self) -> frozenset[str]:
        """The owner and everybody who was a maker at some time."""
        return frozenset({self.owner, *(maker.uscc for maker in self.makers)})

    def makes(self, party: str | None, day: date) -> bool:
        return party == self.owner or any(maker.uscc == party and maker.on(day) for maker in self.makers)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of a claim. It binds while who decided has the say."""

    confirmed: bool
    decided_by: str | None
    """USCC; None for a department."""


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


def custody(rows: Iterable[Row], first: Collection[str] = ()) -> Custody:
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


def _origin(anchor: Row, received: Mapping[str, Sequence[Row]], times: Mapping[str, Sequence[datetime]]) -> str:
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
    sent: Sequence[Row], since: datetime | None, times: Mapping[str, Sequence[datetime]]
) -> tuple[Row, datetime] | None:
    """The holder's next shipment to one who says something after it, and when that one first speaks. Until then the
    sender may speak too; what goes to one who never speaks may have come back without a word."""
    start = 0 if since is None else bisect_left(sent, since, key=lambda row: row.at)
    for row in sent[start:]:
        answers = times.get(row.destination or "", ())
        index = bisect_left(answers, row.at)
        if index < len(answers):
            return row, answers[index]
    return None


@dataclass(slots=True)
class Picture:
    """Everything that is said of some nodes and of what they were in, with whose they are."""

    rows: Mapping[str, Sequence[Row]]
    """Node -> what is said of it."""
    packed: Mapping[str, Sequence[tuple[str, datetime]]]
    """Content -> containers, each with the time of the packing."""
    titles: Mapping[str, Title]
    """GTIN -> whose it is."""
    areas: Mapping[str, str]
    """USCC -> area of the party."""
    within: Callable[[str, str], bool]
    day: Callable[[datetime], date]
    decisions: Mapping[tuple[str, str], Decision] = field(default_factory=dict)
    """(record, node) -> what was decided."""
    _carried: dict[str, list[Row]] = field(default_factory=dict)
    _custody: dict[str, Custody] = field(default_factory=dict)
    _told: dict[str, Custody] = field(default_factory=dict)
    _named: dict[str, frozenset[str]] = field(default_factory=dict)

    def title(self, node: str) -> Title | None:
        gtin = kind_of(node)[1]
        return self.titles.get(gtin) if gtin else None

    def named(self, node: str) -> frozenset[str]:
        """To whom the lot or item was sent, by its owner or maker and by who had it from them."""
        if node not in self._named:
            self._named[node] = frozenset()  # a circle of containers ends here
            title, found = self.title(node), set[str]()
            sent = [row for row in self._all(node) if row.sends and row.destination]
            grows = title is not None
            while grows and title is not None:
                new = {
                    row.destination
                    for row in sent
                    if row.destination
                    and row.destination not in found
                    and (
                        row.party in found
                        or title.makes(row.party, self.day(row.at))
                        or (row.authority is not None and self._in_area(row, title.area_code))
                    )
                }
                found |= new
                grows = bool(new)
            self._named[node] = frozenset(found)
        return self._named[node]

    def custody(self, node: str) -> Custody:
        if node not in self._custody:
            self._custody[node] = Custody()
            area = self._holder_area(node)
            said = [
                row
                for row in self._all(node)
                if not self._rejected(row) and (row.authority is None or self._in_area(row, area(row.at)))
            ]
            first = {row.record_id for row in said if row.authority is not None or self._ordered(row)}
            self._custody[node] = custody(said, first)
        return self._custody[node]

    def reads(self, node: str, party: str) -> bool:
        """Whether an enterprise may read what others say of the node: its owner, a maker of its GTIN at any time, and
        to whom it was sent; of a container who ever held it."""
        if kind_of(node)[0] == "object":
            return any(each.party == party for each in self.custody(node).segments)
        title = self.title(node)
        if title is None:
            return False
        return party in title.parties or party in self.named(node)

    def judge(self, row: Row) -> tuple[bool, str | None]:
        """Whether the word counts, and else who may confirm it (None: nobody, or a department)."""
        kind, _ = kind_of(row.node)
        if row.field == "parent" and kind in ("lot", "class"):
            return False, None  # a parent is one instance: whatever stood in "the lot" would meet in it
        if kind == "class":
            return True, None
        owner = self.owner(row)
        counts = self._counts(row)
        decision = self.decisions.get((row.record_id, row.node))
        if decision is not None and decision.decided_by is None:
            counts = decision.confirmed
        elif decision is not None and decision.decided_by == owner:
            counts = counts or decision.confirmed  # an owner cannot unsay what counts without its word
        return counts, None if counts else owner

    def _counts(self, row: Row) -> bool:
        if row.authority is not None:
            return self._in_area(row, self.area(row))
        if row.party is None:
            return False
        title = self.title(row.node)
        if kind_of(row.node)[0] == "object":
            return self.custody(row.node).holds(row.party, row.at)
        if title is None:
            return False
        return title.makes(row.party, self.day(row.at)) or (not row.creates and row.party in self.named(row.node))

    def owner(self, row: Row) -> str | None:
        """Who has a say in what is told of the node."""
        title = self.title(row.node)
        return title.owner if title else self.custody(row.node).holder(row.at) if self._is_object(row.node) else None

    @staticmethod
    def _is_object(node: str) -> bool:
        return kind_of(node)[0] == "object"

    def area(self, row: Row) -> str | None:
        """Of the node's owner, or of who held it then."""
        title = self.title(row.node)
        return title.area_code if title is not None else self._holder_area(row.node)(row.at)

    def _holder_area(self, node: str) -> Callable[[datetime], str | None]:
        """When -> area of the enterprise that held it, as enterprises tell."""
        if not self._is_object(node):
            return lambda at: None
        if node not in self._told:
            told = (each for each in self._all(node) if each.authority is None and not self._rejected(each))
            self._told[node] = custody(told)
        held = self._told[node]
        return lambda at: self.areas.get(held.holder(at) or "")

    def _in_area(self, row: Row, area: str | None) -> bool:
        return row.authority == "" or area is None or self.within(area, row.authority or "")

    def _rejected(self, row: Row) -> bool:
        found = self.decisions.get((row.record_id, row.node))
        return found is not None and found.decided_by is None and not found.confirmed

    def _ordered(self, row: Row) -> bool:
        found = self.decisions.get((row.record_id, row.node))
        return found is not None and found.decided_by is None and found.confirmed

    def _all(self, node: str) -> list[Row]:
        """What is said of the node, and of every container while it was inside. An unpacking ends that only where its
        holder says so."""
        if node not in self._carried:
            self._carried[node] = found = list(self.rows.get(node, ()))
            names = {row.record_id for row in found}
            more: list[Row] = []
            for container, since in self.packed.get(node, ()):
                ends = (
                    row.at
                    for row in self.rows.get(container, ())
                    if row.unpacks and row.at >= since and self._may_unpack(row)
                )
                until = min(ends, default=None)
                for row in self._all(container):
                    inside = since <= row.at and (until is None or row.at <= until)
                    if inside and (row.sends or row.receives) and row.record_id not in names:
                        names.add(row.record_id)
                        more.append(row)
            self._carried[node] = found + more
        return self._carried[node]

    def _may_unpack(self, row: Row) -> bool:
        return self._counts(row) if row.authority is not None else self.custody(row.node).holds(row.party, row.at)
