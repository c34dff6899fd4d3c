"""Whose an object is, and which word on it counts. Pure.

A lot or item belongs to the owner of its GTIN and to the makers that the owner named. A container (everything without a
GTIN) belongs to who holds it: who spoke of it first, then whom each holder's own shipping named. A statement of anybody
else is kept and stays unconfirmed: it marks nothing of the owner's. Who comes to a GTIN later than others spoke of it
has no power over their words, until they or a department confirm it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from services.traceability.graph.rules import OUTPUTS
from services.traceability.rights.custody import Custody, Way, origin
from services.traceability.rights.inside import Carried, Moves, Packings
from services.traceability.rights.title import Title
from shared.auth.principal import Principal
from shared.turns import let_go

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


def gtins_of(nodes: Iterable[str]) -> set[str]:
    return {gtin for node in nodes if (gtin := kind_of(node)[1])}


def shown_asks(principal: Principal, node: str, asks: str | None) -> str | None:
    """Whom a word on the node waits for, as far as it is shown: the owner of a GTIN stands in the register; who held a
    container at what time is for authorities, since anybody may say something of any container at any time."""
    return asks if principal.kind != "enterprise" or kind_of(node)[1] else None


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
    late: bool = False
    """Told before its object was somebody's, or before today's owner came to it, who has no power over the word."""

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
class Decision:
    """What a person said of a claim. It binds while who decided has the say."""

    confirmed: bool
    decided_by: str | None
    """USCC; None for a department."""


@dataclass(frozen=True, slots=True)
class Judged:
    counts: bool
    asks: str | None = None
    """Who may confirm what does not count (None: nobody, or a department)."""
    late: bool = False


@dataclass(slots=True)
class Picture:
    """Everything that is said of some nodes and of what they were in, with whose they are."""

    rows: Mapping[str, list[Row]]
    """Node -> what is said of it."""
    packed: Mapping[str, Sequence[tuple[str, datetime, str]]]
    """Content -> containers, each with the time of the packing and the record that tells it."""
    titles: Mapping[str, Title]
    """GTIN -> whose it is."""
    areas: Mapping[str, str]
    """USCC -> area of the party."""
    within: Callable[[str, str], bool]
    day: Callable[[datetime], date]
    decisions: Mapping[tuple[str, str], Decision] = field(default_factory=dict)
    """(record, node) -> what was decided."""
    _carried: dict[str, Sequence[Row]] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    """What is being asked for: circles lead back to it."""
    _moves: dict[str, Moves] = field(default_factory=dict)
    _packings: Packings = field(init=False)
    _custody: dict[str, Custody] = field(default_factory=dict)
    _told: dict[str, Custody] = field(default_factory=dict)
    _named: dict[str, Mapping[str, datetime]] = field(default_factory=dict)
    _titles: dict[str, Title | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._packings = Packings(self.rows, self.packed)

    def title(self, node: str) -> Title | None:
        """Whose a lot or item is. What a claimant made before another registered the GTIN stays the claimant's."""
        if node not in self._titles:
            gtin = kind_of(node)[1]
            title = self.titles.get(gtin) if gtin else None
            if title is not None and (claim := title.claim) is not None and not title.settled:
                made = (row for row in self.rows.get(node, ()) if row.creates and row.party == claim.owner)
                if not all(title.binds(row) for row in made):
                    title = claim
            self._titles[node] = title
        return self._titles[node]

    def named(self, node: str) -> Mapping[str, datetime]:
        """To whom the lot or item was sent, by its owner or maker and by who had it from them, with since when.

        It went where a container went only by a packing of who had a right to it by then without that packing: each
        round counts the packings of those who are named without them."""
        if node not in self._named:
            self._named[node], own = {}, self.rows.get(node, ())  # a circle of containers ends here
            self._carried[node], since = own, dict[str, datetime]()
            if (title := self.title(node)) is None:
                return self._named[node]
            self._open.add(node)
            told = self._packings.of(node)
            counted, grows = 0, True
            while grows:
                since = self._sent(title, self._carried[node], since)
                right = [each for each in told if self._had(title, node, each.row, since)]
                grows, counted = len(right) > counted, len(right)
                if grows:
                    carried = Carried(own)
                    more = [row for each in right for row in carried.over(each, self._moved(each.container))]
                    self._carried[node] = [*own, *more]
            self._open.remove(node)
            self._named[node] = since
        return self._named[node]

    def _sent(self, title: Title, rows: Sequence[Row], since: Mapping[str, datetime]) -> dict[str, datetime]:
        """To whom the rows say that it was sent, beside those who are known, each with the first time."""
        found, grows = dict(since), True
        sent = [row for row in rows if row.sends and row.destination and title.binds(row)]
        sent.sort(key=lambda row: row.at)
        while grows:
            grows = False
            for row in sent:
                first = found.get(row.destination or "")
                if (first is None or row.at < first) and (
                    row.party in found
                    or title.makes(row.party, self.day(row.at))
                    or (row.authority is not None and self._in_area(row, title.area_code))
                ):
                    found[row.destination or ""], grows = row.at, True
        return found

    def _had(self, title: Title, node: str, packing: Row, since: Mapping[str, datetime]) -> bool:
        """Whether who tells a packing of the lot or item had a right to it by then, or the packing was confirmed."""
        if self._rejected(packing) or self._rejected(packing, node):
            return False
        decision = self.decisions.get((packing.record_id, node))
        if decision is not None and decision.confirmed and decision.decided_by in (None, title.owner):
            return True
        if packing.authority is not None:
            return self._in_area(packing, title.area_code)
        sent = since.get(packing.party or "")
        return title.makes(packing.party, self.day(packing.at)) or (sent is not None and sent <= packing.at)

    def let_go(self) -> None:
        """Frees the picture bit by bit, for a thread: it is asked nothing more."""
        for kept in (self._carried, self._custody, self._told):
            kept.clear()
        let_go(*self.rows.values())

    def custody(self, node: str) -> Custody:
        if node not in self._custody:
            self._custody[node] = Custody()  # a circle of containers ends here
            area = self._holder_area(node)

            def admits(row: Row) -> bool:
                return not self._rejected(row) and (row.authority is None or self._in_area(row, area(row.at)))

            if self.title(node) is not None:
                said = [row for row in self._all(node) if admits(row)]
                self._custody[node] = Way(origin(node, said, (), (), self._first(said)), said).custody()
            else:
                self._carried.setdefault(node, self.rows.get(node, ()))
                self._open.add(node)
                self._custody[node], more = self._follow(node, admits)
                self._open.remove(node)
                self._carried[node] = [*self.rows.get(node, ()), *more]
        return self._custody[node]

    def _first(self, rows: Iterable[Row]) -> set[str]:
        return {row.record_id for row in rows if row.authority is not None or self._ordered(row)}

    def _follow(self, node: str, admits: Callable[[Row], bool]) -> tuple[Custody, list[Row]]:
        """Who held a container when, and what is said of the others in which it was meanwhile: where who tells a
        packing held it at that time, by what is said of it and by the packings before."""
        own = [row for row in self.rows.get(node, ()) if admits(row)]
        told = [each for each in self._packings.of(node) if admits(each.row) and not self._rejected(each.row, node)]
        above = filter(admits, self._packings.above(node)) if told else ()
        party = origin(node, own, [each.row for each in told], list(above), self._first(own))
        way, carried, more = Way(party, own), Carried(own), list[Row]()
        for each in told:
            row = each.row
            if row.authority is not None or self._ordered(row, node) or way.holds(row.party, row.at):
                new = carried.over(each, self._moved(each.container))
                more += new
                way.add(filter(admits, new))
        return way.custody(), more

    def reads(self, node: str, party: str) -> bool:
        """Whether an enterprise may read what others say of the node: its owner, a maker of its GTIN at any time, and
        to whom it was sent; of a container who ever held it."""
        if kind_of(node)[0] == "object":
            return any(each.party == party for each in self.custody(node).segments)
        title = self.title(node)
        if title is None:
            return False
        return party in title.parties or party in self.named(node)

    def judge(self, row: Row) -> Judged:
        kind, _ = kind_of(row.node)
        if row.field == "parent" and kind in ("lot", "class"):
            return Judged(False)  # a parent is one instance: whatever stood in "the lot" would meet in it
        if kind == "class":
            return Judged(True)
        late = kind != "object" and self._late(row)
        owner = None if late else self.owner(row)
        counts = not late and self._counts(row)
        decision = self.decisions.get((row.record_id, row.node))
        if decision is not None and decision.decided_by is None:
            counts, late = decision.confirmed, late and not decision.confirmed
        elif decision is not None and decision.decided_by == owner:
            counts = counts or decision.confirmed  # an owner cannot unsay what counts without its word
        return Judged(counts, None if counts else owner, late)

    def _late(self, row: Row) -> bool:
        """Of a lot or item: whether its owner has no say in the word, or there is none who could have."""
        title = self.title(row.node)
        if title is None:
            return row.party is not None and row.authority is None
        return not title.binds(row)

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

        def area(at: datetime) -> str | None:
            if node not in self._told:
                self._told[node] = Custody()
                self._told[node], _ = self._follow(node, lambda row: row.authority is None and not self._rejected(row))
            return self.areas.get(self._told[node].holder(at) or "")

        return area

    def _in_area(self, row: Row, area: str | None) -> bool:
        return row.authority == "" or area is None or self.within(area, row.authority or "")

    def _rejected(self, row: Row, node: str | None = None) -> bool:
        found = self.decisions.get((row.record_id, node or row.node))
        return found is not None and found.decided_by is None and not found.confirmed

    def _ordered(self, row: Row, node: str | None = None) -> bool:
        found = self.decisions.get((row.record_id, node or row.node))
        return found is not None and found.decided_by is None and found.confirmed

    def _all(self, node: str) -> Sequence[Row]:
        """What is said of the node, and of every container while it was inside, as far as that counts."""
        if node not in self._carried:
            (self.custody if self.title(node) is None else self.named)(node)
        return self._carried[node]

    def _moved(self, container: str) -> Moves:
        """An unpacking ends that something is inside only where the container's holder says so."""
        if (moves := self._moves.get(container)) is None:
            if len(self._open) > 2 * MAX_NESTING:
                return Moves((), ())
            said = self._all(container)
            emptied = [row.at for row in self.rows.get(container, ()) if row.unpacks and self._may_unpack(row)]
            moves = Moves(said, emptied)
            if container not in self._open:
                self._moves[container] = moves
        return moves

    def _may_unpack(self, row: Row) -> bool:
        return self._counts(row) if row.authority is not None else self.custody(row.node).holds(row.party, row.at)
