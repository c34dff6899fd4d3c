"""The way of a lot as far as one enterprise reads it: level by level, closed where it reads no further.

Nothing is looked for behind an object that the enterprise does not read, so that what others tell there, however much
it is, takes no room from its own: it stands as an end, and ends have a bound of their own.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import col

from services.traceability.graph.models import Edge, EpcisEvent
from services.traceability.graph.repository import ROWS, Direction
from services.traceability.graph.rules import is_middle
from services.traceability.rights import service as rights
from services.traceability.rights.rules import gtins_of
from services.traceability.rights.title import Title
from services.traceability.rights.titles import titles
from shared.db import AsyncSession
from shared.db.sql import among
from shared.turns import aside

LINKS = 50_000
"""Edges that are read of one level; what the caller told itself comes first."""
ASKED = 4
"""So many times `max_nodes` objects of others are asked, in each direction, whether they are open to the caller."""


@dataclass(frozen=True, slots=True)
class Bounds:
    depth: int
    nodes: int
    """Of what the caller reads, with the middles that lead there."""
    ends: int


@dataclass(frozen=True, slots=True)
class Walked:
    depths: Mapping[str, int]
    """Node -> least depth, with ends and middles."""
    truncated: bool
    """Whether something is missing that the caller reads, or may read."""
    left_out: int
    """Ends that are missing."""


class Reader:
    """What one enterprise reads. Asked once for each object and GTIN, however many ways lead there."""

    def __init__(self, session: AsyncSession, uscc: str) -> None:
        self.session, self.uscc = session, uscc
        self.reads: set[str] = set()
        self._closed: set[str] = set()
        self._titles: dict[str, Title | None] = {}

    async def ask(self, nodes: Sequence[str], most: int) -> set[str]:
        """Adds to `reads`. Returns those that are not known yet, since they were more than `most`, the first first."""
        new, gtins = await aside(len(nodes), self._new, nodes)
        gtins -= self._titles.keys()
        if gtins:
            self._titles |= dict.fromkeys(gtins) | await titles(self.session, gtins)
        others = await aside(len(new), self._not_own, new)
        asked = others[:most]
        for start in range(0, len(asked), ROWS):
            some = asked[start : start + ROWS]
            opened = await rights.opened(self.session, self.uscc, some, self._titles)
            self.reads |= opened
            self._closed.update(node for node in some if node not in opened)
        return set(others[most:])

    def _new(self, nodes: Iterable[str]) -> tuple[list[str], set[str]]:
        new = [node for node in nodes if node not in self.reads and node not in self._closed]
        return new, gtins_of(new)

    def _not_own(self, nodes: Sequence[str]) -> list[str]:
        """Those that what is said of them decides on; the others it reads."""
        own = {gtin for gtin, title in self._titles.items() if rights.is_own(self.uscc, title)}
        mine = {node for node in nodes if not gtins_of([node]).isdisjoint(own)}
        self.reads |= mine
        return [node for node in nodes if node not in mine]


class _Way:
    """What was found in one direction, nearest first."""

    def __init__(self, start: str, way: Direction) -> None:
        self.way = way
        self.nodes = {start: 0}
        self.ends: dict[str, int] = {}
        self.middles: dict[str, int] = {}
        self.beyond: dict[str, list[str]] = {}
        """Middle -> objects on its other side."""
        self.told: set[str] = set()
        """Middles of what the caller told itself."""
        self.truncated = False

    def seen(self, node: str) -> bool:
        return node in self.nodes or node in self.ends or node in self.middles

    def middles_of(self, links: Iterable[Any], depth: int) -> list[str]:
        """Those that are new, what the caller told before all else."""
        new = [each for each in links if is_middle(each.there) and each.there not in self.middles]
        for each in new:
            self.middles[each.there] = depth
            if each.own:
                self.told.add(each.there)
        return list(dict.fromkeys(each.there for each in new))

    def objects_of(self, direct: Iterable[Any], through: Iterable[Any]) -> list[str]:
        """Objects that are new, what the caller told before all else."""
        links = [each for each in direct if not is_middle(each.there)]
        for each in through:
            self.beyond.setdefault(each.here, []).append(each.there)
            links.append(each)
        own = {each.there for each in links if each.own}
        return sorted(
            {each.there for each in links if not self.seen(each.there)}, key=lambda node: (node not in own, node)
        )

    def take(self, objects: Sequence[str], reads: Collection[str], unknown: Collection[str], depth: int) -> list[str]:
        """Put the objects of a level where they belong; the `reads` among them come back."""
        found = sorted(node for node in objects if node in reads)
        closed = sorted(node for node in objects if node not in reads and node not in unknown)
        self.nodes.update(dict.fromkeys(found, depth))
        self.ends.update(dict.fromkeys(closed, depth))
        return found

    def done(self, bounds: Bounds) -> Walked:
        """Objects that the caller reads have the room first, then the events that lead to them."""
        nodes = dict(islice(self.nodes.items(), bounds.nodes))
        ends = dict(islice(self.ends.items(), bounds.ends))
        leading, idle = list[str](), list[str]()
        for middle in self.middles:
            beyond = self.beyond.get(middle, ())
            if self.way == "backward" or middle in self.told or any(node in nodes for node in beyond):
                leading.append(middle)
            elif not beyond or any(node in ends for node in beyond):
                idle.append(middle)
        room = bounds.nodes - len(nodes)
        shown = [*leading[:room], *idle[: bounds.ends]]
        return Walked(
            {**nodes, **{middle: self.middles[middle] for middle in shown}, **ends},
            self.truncated or len(self.nodes) > bounds.nodes or len(leading) > room,
            len(self.ends) - len(ends) + max(0, len(idle) - bounds.ends),
        )


async def walk(reader: Reader, start: str, way: Direction, bounds: Bounds, *, unowned: bool = False) -> Walked:
    """Everything that is reached over edges that count and objects that the reader reads, least depth first.

    What a stranger says that it made of an object is its own affair: forward, such an edge leads nowhere. Circles end,
    since no object is left twice. The legs of a star count once, as in `repository.closure`. `unowned`: nobody
    registered the product of the start; from there the reader's own words lead on.
    """
    found = _Way(start, way)
    await reader.ask([start], 1)
    by_own_words = unowned and start not in reader.reads
    front, depth = [start] if start in reader.reads or by_own_words else [], 0
    while front and len(found.nodes) <= bounds.nodes:
        direct, whole = await _links(reader, front, way)
        if by_own_words and depth == 0:
            direct = [each for each in direct if each.own]
        found.truncated |= not whole
        if depth == bounds.depth:
            found.truncated |= any(not found.seen(each.there) for each in direct)
            if way == "forward":
                await aside(len(direct), found.middles_of, direct, depth)
            break
        middles = await aside(len(direct), found.middles_of, direct, depth + (way == "backward"))
        through, whole = await _links(reader, middles, way)
        found.truncated |= not whole
        depth += 1
        objects = await asyncio.to_thread(found.objects_of, direct, through)
        unknown = await reader.ask(objects, max(0, bounds.nodes * ASKED - len(found.ends)))
        found.truncated |= bool(unknown)
        front = await asyncio.to_thread(found.take, objects, reader.reads, unknown, depth)
    return await asyncio.to_thread(found.done, bounds)


async def _links(reader: Reader, nodes: Sequence[str], way: Direction) -> tuple[list[Any], bool]:
    """`(here, there, own)` of the edges from the nodes on, `own`: the reader told it; and whether these are all."""
    forward = way == "forward"
    here, there = col(Edge.from_node), col(Edge.to_node)
    if not forward:
        here, there = there, here
    # A scalar of each edge: joined, the planner may read every event there is.
    told_by = (
        select(col(EpcisEvent.captured_by)).where(col(EpcisEvent.record_id) == col(Edge.record_id)).scalar_subquery()
    )
    own = (told_by == reader.uscc).label("own")
    found: list[Any] = []
    for start in range(0, len(nodes), ROWS):
        statement: Any = (
            select(here.label("here"), there.label("there"), own)
            .distinct()
            .where(among(reader.session, here, nodes[start : start + ROWS]))
            .where(col(Edge.known_to).is_(None), col(Edge.confirmed).is_(True))
        )
        if forward:
            statement = statement.where(or_(col(Edge.source_confirmed).is_(True), told_by == reader.uscc))
        statement = statement.order_by(own.desc(), "there", "here").limit(LINKS + 1 - len(found))
        result = await reader.session.stream(statement)
        async for rows in result.partitions(ROWS):
            found += rows
        if len(found) > LINKS:
            return found[:LINKS], False
    return found, True
