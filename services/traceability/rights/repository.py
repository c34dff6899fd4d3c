"""Queries of rights: what is said of nodes, where they were inside, whose they are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select, update
from sqlmodel import col

from services.traceability.graph.models import Edge, EpcisEvent, EventEpc
from services.traceability.graph.rules import CONTAINMENT, CONTENTS, INPUTS, OUTPUTS
from services.traceability.masterdata.models import Party, Place
from services.traceability.masterdata.repository import by_key
from services.traceability.rights import rules
from services.traceability.rights.models import ClaimDecision, PlaceConfirmation
from services.traceability.rights.rules import MAX_NESTING, Decision, Picture, Row
from services.traceability.rights.title import Title
from services.traceability.rights.titles import DEPARTMENT, by, titles
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.db.sql import NAMES, among_names, chunks, table_of
from shared.identifiers.uscc import USCC
from shared.reference import areas
from shared.turns import aside, in_slices, in_turns, let_go

Which = Literal["deciding", "open", "all"]
"""Rows of a node: those that decide on it; those that are not confirmed besides; every one."""
_RELATIONS = tuple(CONTAINMENT.values())
_DECIDING = or_(
    col(EpcisEvent.biz_step).in_(sorted(rules.SENT | rules.RECEIVED)),
    col(EventEpc.field).in_(("parent", *OUTPUTS)),
    and_(col(EpcisEvent.action) == "ADD", col(EpcisEvent.event_type) == "ObjectEvent"),
)
IN_FORCE = and_(col(EpcisEvent.errored_at).is_(None), col(EpcisEvent.declaration).is_(False))
_COLUMNS: list[Any] = [
    col(EventEpc.record_id),
    col(EventEpc.position),
    col(EventEpc.node),
    col(EventEpc.field),
    col(EventEpc.confirmed),
    col(EventEpc.asks),
    col(EventEpc.late),
    col(EpcisEvent.event_type),
    col(EpcisEvent.action),
    col(EpcisEvent.biz_step),
    col(EpcisEvent.event_time),
    col(EpcisEvent.record_time),
    col(EpcisEvent.captured_by),
    col(EpcisEvent.owner_uscc),
    col(EpcisEvent.captured_area),
    col(EpcisEvent.place_gln),
    col(EpcisEvent.source_party),
    col(EpcisEvent.destination_party),
]


@cache
def _rows(which: Which) -> Select[Any]:
    statement = (
        select(*_COLUMNS)
        .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
        .where(among_names(col(EventEpc.node)), IN_FORCE)
    )
    if which == "deciding":
        return statement.where(_DECIDING)
    return statement.where(or_(_DECIDING, col(EventEpc.confirmed).is_(False))) if which == "open" else statement


async def rows_of(session: AsyncSession, nodes: Iterable[str], which: Which) -> list[Any]:
    """What events in force say of the nodes."""
    found: list[Any] = []
    for chunk in chunks(nodes):
        found += (await session.execute(_rows(which), {NAMES: chunk})).all()
    return found


async def _rows_of(session: AsyncSession, nodes: set[str], which: Which, whole: Collection[str]) -> list[Any]:
    """Of a container that is open, every word: who has it at a time is decided by all, so that a word of an earlier
    time takes from others what they had. What is said of a lot only adds to whose words count."""
    if which != "open":
        return await rows_of(session, nodes, which)
    lots = {node for node in nodes if rules.kind_of(node)[1]} - set(whole)
    return await rows_of(session, lots, which) + await rows_of(session, nodes - lots, "all")


_CONTAINED = and_(col(Edge.relation).in_(_RELATIONS), col(Edge.known_to).is_(None))
_ABOVE = select(col(Edge.from_node), col(Edge.to_node), col(Edge.at), col(Edge.record_id)).where(
    among_names(col(Edge.from_node)), _CONTAINED
)
_BELOW = select(col(Edge.from_node)).where(among_names(col(Edge.to_node)), _CONTAINED)


async def above(session: AsyncSession, nodes: Iterable[str]) -> dict[str, list[tuple[str, datetime, str]]]:
    """Content -> its containers with the time and the record of each packing, and theirs."""
    found: dict[str, list[tuple[str, datetime, str]]] = {}
    front = set(nodes)
    for _ in range(MAX_NESTING):
        following: set[str] = set()
        for chunk in chunks(front):
            for content, container, at, record_id in (await session.execute(_ABOVE, {NAMES: chunk})).all():
                found.setdefault(content, []).append((container, at, record_id))
                following.add(container)
        front = following - found.keys() - front
        if not front:
            break
    return found


async def below(session: AsyncSession, containers: Iterable[str], *, limit: int = 20_000) -> set[str]:
    """What was ever put into the containers, and into what was."""
    named = set(containers)
    seen = set[str]()
    front = await aside(len(named), lambda: {node for node in named if rules.kind_of(node)[0] != "lot"})
    for _ in range(MAX_NESTING):
        following: set[str] = set()
        for chunk in chunks(front):
            following |= set((await session.execute(_BELOW, {NAMES: chunk})).scalars())
        front = following - seen
        seen |= following
        if not front or len(seen) > limit:
            break
    return seen


_OPEN = select(col(EventEpc.node)).where(among_names(col(EventEpc.node)), col(EventEpc.confirmed).is_(False)).distinct()


async def open_nodes(session: AsyncSession, nodes: Iterable[str]) -> set[str]:
    """Those of the nodes of which somebody says something that is not confirmed."""
    found: set[str] = set()
    for chunk in chunks(nodes):
        found |= set((await session.execute(_OPEN, {NAMES: chunk})).scalars())
    return found


_PLACES = (
    select(Place, col(PlaceConfirmation.uscc), col(PlaceConfirmation.confirmed_by))
    .outerjoin(PlaceConfirmation, col(PlaceConfirmation.gln) == col(Place.gln))
    .where(among_names(col(Place.gln)))
    .execution_options(populate_existing=True)
)


class Registry:
    """Whose a GLN is for an event that names it."""

    def __init__(self, places: Mapping[str, Place], confirmed: set[tuple[str, str, str]]) -> None:
        self.places = places
        self.confirmed = confirmed

    @classmethod
    async def load(cls, session: AsyncSession, glns: Iterable[str]) -> "Registry":
        places: dict[str, Place] = {}
        confirmed: set[tuple[str, str, str]] = set()
        for chunk in chunks(glns):
            for place, uscc, said in (await session.execute(_PLACES, {NAMES: chunk})).all():
                places[place.gln] = place
                if said is not None:
                    confirmed.add((place.gln, uscc, by(said)))
        return cls(places, confirmed)

    def party(self, gln: str | None, record_id: str, captured_by: str) -> str | None:
        """USCC. A registration that came after the event is a claim on it: it holds where a department of the area, or
        who captured the event, confirmed it, or registered the place itself."""
        place = self.places.get(gln or "")
        if place is None:
            return None
        key = (place.gln, place.uscc)
        early = place.since <= record_id or place.uscc == captured_by
        return place.uscc if early or {(*key, DEPARTMENT), (*key, captured_by)} & self.confirmed else None

    def at(self, gln: str | None) -> str | None:
        """Whose the place is today, for events that are confirmed to have been there."""
        place = self.places.get(gln or "")
        return place.uscc if place else None

    def elsewhere(self, event: Any) -> bool:
        """Whether a firm told it of a place that another registered, before or since."""
        return event.owner_uscc is not None and self.at(event.place_gln) not in (None, event.owner_uscc)

    def late(self, event: Any) -> bool:
        """Whether its place is registered, but was nobody's as far as the event goes."""
        return event.place_gln in self.places and not self.party(event.place_gln, event.record_id, event.captured_by)


async def picture(
    session: AsyncSession,
    nodes: Iterable[str],
    which: Which,
    *,
    pending: Sequence[Mapping[str, Any]] = (),
    packed: Iterable[tuple[str, str, datetime, str]] = (),
    asked: Mapping[str, Title | None] = MappingProxyType({}),
    whole: Collection[str] = (),
) -> Picture:
    """Everything that decides on the nodes. `pending`: rows as of `rows_of`, not stored yet; `packed`: their packings
    (content, container, time, record). `which` rows of the nodes themselves; of what they were in, those that decide.
    `asked`: titles, or that there is none, where the caller knows; `whole`: nodes of which every row is in it."""
    wanted = set(nodes)
    inside = await above(session, wanted)
    for content, container, at, record_id in packed:
        if content in wanted or content in inside:
            inside.setdefault(content, []).append((container, at, record_id))
    containers = await aside(len(inside), _containers, inside) - wanted
    if packed:
        more = await above(session, containers)
        inside = {**more, **inside}
        containers = await aside(len(inside), _containers, inside) - wanted
    found: list[Any] = await _rows_of(session, wanted, which, whole) + await rows_of(session, containers, "deciding")
    async for each in in_turns(map(_Pending, pending)):
        if each.node in wanted or each.node in containers:
            found.append(each)
    registry = await Registry.load(session, await aside(len(found), _glns, found))
    said = await aside(len(found), _said, found, registry)
    await aside(len(found), let_go, found)
    gtins = await aside(len(wanted), rules.gtins_of, (*wanted, *containers))
    return Picture(
        rows=said.rows,
        packed=inside,
        titles={gtin: title for gtin, title in asked.items() if title} | await titles(session, gtins - asked.keys()),
        areas=await _areas(session, said.parties),
        within=areas.is_within,
        day=shanghai_date,
        decisions=await decisions(session, wanted | containers),
    )


def _containers(inside: Mapping[str, Sequence[tuple[str, datetime, str]]]) -> set[str]:
    return {container for each in inside.values() for container, _, _ in each}


def _glns(found: Iterable[Any]) -> set[str]:
    return {gln for row in found for gln in (row.place_gln, row.source_party, row.destination_party) if gln}


async def _areas(session: AsyncSession, usccs: Iterable[str]) -> dict[str, str]:
    """Firm -> where it is registered here; before that, where its code shows that it was registered."""
    wanted = set(usccs)
    parties = await by_key(session, Party, wanted)
    return {uscc: parties[uscc].area_code if uscc in parties else USCC(uscc).area_code for uscc in wanted}


class _Said(NamedTuple):
    rows: dict[str, list[Row]]
    parties: set[str]
    """Whose areas decide, where an authority spoke."""


def _said(found: Iterable[Any], registry: Registry) -> _Said:
    rows: dict[str, list[Row]] = {}
    for each in found:
        rows.setdefault(each.node, []).append(_row(each, registry))
    authority = any(row.authority is not None for said in rows.values() for row in said)
    return _Said(rows, {row.party for said in rows.values() for row in said if row.party} if authority else set())


class _Pending:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)
        self.node: str


def _row(found: Any, registry: Registry) -> Row:
    own = found.owner_uscc is not None
    by, at = found.captured_by, found.record_id
    return Row(
        record_id=found.record_id,
        position=found.position,
        node=found.node,
        field=found.field,
        event_type=found.event_type,
        action=found.action,
        biz_step=found.biz_step,
        at=found.event_time,
        party=found.owner_uscc if own else registry.party(found.place_gln, at, by),
        authority=None if own else found.captured_area or "",
        source=registry.party(found.source_party, at, by),
        destination=registry.party(found.destination_party, at, by),
        confirmed=found.confirmed,
        asks=found.asks,
        late=found.late,
    )


_DECISIONS = select(
    col(ClaimDecision.record_id), col(ClaimDecision.node), col(ClaimDecision.confirmed), col(ClaimDecision.decided_by)
).where(among_names(col(ClaimDecision.node)))


async def decisions(session: AsyncSession, nodes: Iterable[str]) -> dict[tuple[str, str], Decision]:
    found: dict[tuple[str, str], Decision] = {}
    for chunk in chunks(nodes):
        for record_id, node, confirmed, decided_by in (await session.execute(_DECISIONS, {NAMES: chunk})).all():
            found[record_id, node] = Decision(confirmed, decided_by)
    return found


def supported() -> ColumnElement[bool]:
    """What `Registry.party` asks, of an event and its place: whoever registers a number that is in others' events has
    no say in them."""
    confirmed = exists().where(
        col(PlaceConfirmation.gln) == col(Place.gln),
        col(PlaceConfirmation.uscc) == col(Place.uscc),
        or_(
            col(PlaceConfirmation.confirmed_by) == col(EpcisEvent.captured_by),
            col(PlaceConfirmation.confirmed_by).startswith("department:"),
        ),
    )
    own = col(Place.uscc) == col(EpcisEvent.captured_by)
    return or_(col(Place.since) <= col(EpcisEvent.record_id), own, confirmed)


async def confirmed_places(session: AsyncSession, record_ids: Iterable[str]) -> set[str]:
    """Events at a place of another, who (or a department) confirmed that they were there; who came late has no say."""
    found: set[str] = set()
    for chunk in chunks(record_ids):
        statement = (
            select(col(ClaimDecision.record_id))
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(ClaimDecision.record_id))
            .join(Place, col(Place.gln) == col(EpcisEvent.place_gln))
            .where(
                col(ClaimDecision.record_id).in_(chunk),
                col(ClaimDecision.node) == "place",
                col(ClaimDecision.confirmed).is_(True),
                or_(
                    col(ClaimDecision.decided_by).is_(None),
                    and_(col(ClaimDecision.decided_by) == col(Place.uscc), supported()),
                ),
            )
        )
        found |= set((await session.execute(statement)).scalars())
    return found


async def write(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Store what was judged anew: of each object, and of the edges that enter and leave it."""
    if not rows:
        return
    connection = await session.connection()
    ordered = await aside(len(rows), sorted, rows, key=lambda row: (row.record_id, row.position))
    async for some in in_slices(ordered, _WRITTEN):
        judged = [
            {"r": row.record_id, "p": row.position, "n": row.node, "c": row.confirmed, "a": row.asks, "l": row.late}
            for row in some
        ]
        await connection.execute(_OBJECTS, judged)
        for statement, fields in ((_INTO, (*OUTPUTS, "parent")), (_OUT, (*INPUTS, *CONTENTS))):
            if changed := [each for each, row in zip(judged, some, strict=True) if row.field in fields]:
                await connection.execute(statement, changed)


_WRITTEN = 200
"""Rows between two turns of the event loop."""
_OBJECTS = (
    update(table_of(EventEpc))
    .where(col(EventEpc.record_id) == bindparam("r"), col(EventEpc.position) == bindparam("p"))
    .values(confirmed=bindparam("c"), asks=bindparam("a"), late=bindparam("l"))
)
_EDGES = update(table_of(Edge)).where(col(Edge.record_id) == bindparam("r"))
_INTO = _EDGES.where(col(Edge.to_node) == bindparam("n")).values(confirmed=bindparam("c"))
_OUT = _EDGES.where(col(Edge.from_node) == bindparam("n")).values(source_confirmed=bindparam("c"), late=bindparam("l"))
"""Of the edges that enter what was judged, and of those that leave it."""
