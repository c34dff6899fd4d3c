"""Queries behind a journey: which objects carried a lot, what it was made of, and the events that saw them.

Set-based: a few statements for all lots together, whatever their number.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import col

from services.traceability.genealogy.packings import unpackings
from services.traceability.graph.models import Edge, EpcisEvent, EventEpc
from services.traceability.graph.rules import is_middle
from services.traceability.masterdata.models import Lot, Party, Product
from services.traceability.rights.repository import Registry, confirmed_places
from services.traceability.rights.titles import titles as titles_of
from services.traceability.verdicts.journey import Role, Seen
from shared.db import AsyncSession
from shared.db.sql import among, chunks
from shared.turns import aside, in_turns

MAX_DEPTH = 8
"""Levels of materials and of containers that a journey shows."""
MAX_MATERIALS = 64
"""Materials of one lot; a journey has 60 steps in all."""
MAX_EVENTS = 200
"""Newest events of one object; a lot that is sold ten thousand times is not told ten thousand times."""
_UNITS = {"KGM": "kg", "GRM": "g", "TNE": "t", "LTR": "L", "MLT": "mL"}
_PIECES = (None, "", "EA", "H87", "C62")
_EVENT_COLUMNS: list[Any] = [
    col(EventEpc.node),
    col(EventEpc.quantity),
    col(EventEpc.uom),
    col(EventEpc.position),
    col(EpcisEvent.record_id),
    col(EpcisEvent.event_time),
    col(EpcisEvent.event_type),
    col(EpcisEvent.biz_step),
    col(EpcisEvent.place_gln),
    col(EpcisEvent.source_party),
    col(EpcisEvent.destination_party),
    col(EpcisEvent.owner_uscc),
    col(EpcisEvent.captured_by),
    col(EventEpc.confirmed),
]


@dataclass(frozen=True)
class Carrier:
    """`node` carried `flow` (the lot itself or one of its materials) of `lot_id` from `since` until `until`."""

    lot_id: str
    flow: str
    role: Role
    node: str
    since: datetime | None = None
    until: datetime | None = None


async def journeys(session: AsyncSession, lot_ids: Sequence[str]) -> dict[str, list[Seen]]:
    """The events of each lot, its containers and its materials, in no order."""
    carriers = [Carrier(lot_id, lot_id, "own", lot_id) for lot_id in lot_ids]
    carriers += await _materials(session, lot_ids)
    carriers += await _containers(session, carriers)
    by_node: dict[str, list[Carrier]] = {}
    for carrier in carriers:
        by_node.setdefault(carrier.node, []).append(carrier)
    titles = await titles_of(session, {lot_id[:14] for lot_id in lot_ids})
    makers = {lot_id: titles[lot_id[:14]].parties if lot_id[:14] in titles else frozenset() for lot_id in lot_ids}
    rows = await _events(session, by_node, frozenset[str]().union(*makers.values()))
    names = await _Names.load(session, rows, [carrier.flow for carrier in carriers if carrier.role == "material"])
    if len(rows) < _FEW:
        return _sightings(rows, by_node, names, makers)
    return await asyncio.to_thread(_sightings, rows, by_node, names, makers)


_FEW = 50


def _sightings(
    rows: Iterable[Any],
    by_node: Mapping[str, Sequence[Carrier]],
    names: "_Names",
    makers: Mapping[str, Collection[str]],
) -> dict[str, list[Seen]]:
    found: dict[str, dict[tuple[str, str], Seen]] = {}
    for row in rows:
        for carrier in by_node[row.node]:
            # What a lot's maker tells of its materials belongs to the lot, though their own producers say nothing.
            counts = row.confirmed or (carrier.role == "material" and row.owner_uscc in makers[carrier.lot_id])
            if counts and _inside(carrier, row.event_time):
                seen = found.setdefault(carrier.lot_id, {})
                # One event may name a lot several times (its crate and itself); the first sighting stands.
                if (row.record_id, carrier.flow) not in seen:
                    seen[row.record_id, carrier.flow] = names.seen(row, carrier)
    return {lot_id: list(seen.values()) for lot_id, seen in found.items()}


def _inside(carrier: Carrier, at: datetime) -> bool:
    return (carrier.since is None or at >= carrier.since) and (carrier.until is None or at <= carrier.until)


async def _materials(session: AsyncSession, lot_ids: Sequence[str]) -> list[Carrier]:
    """What went into the lots, level by level; each object once for each lot, so a circle ends. Of many the nearest,
    in the order of their names."""
    seen: dict[str, set[str]] = {lot_id: {lot_id} for lot_id in lot_ids}
    room = dict.fromkeys(lot_ids, MAX_MATERIALS)
    front: dict[str, set[str]] = {lot_id: {lot_id} for lot_id in lot_ids}
    carriers: list[Carrier] = []
    for _ in range(MAX_DEPTH * 2):  # a star with its event in the middle takes two hops
        if not front:
            break
        following: dict[str, set[str]] = {}
        for chunk in chunks(front):
            statement = (
                select(col(Edge.from_node), col(Edge.to_node))
                .where(
                    among(session, col(Edge.to_node), chunk),
                    col(Edge.relation) == "transformation",
                    col(Edge.known_to).is_(None),
                    col(Edge.confirmed).is_(True),
                )
                .order_by(col(Edge.from_node))
            )
            async for source, target in in_turns((await session.execute(statement)).all()):
                for lot_id in sorted(front[target]):
                    if source in seen[lot_id]:
                        continue
                    if not room[lot_id]:  # it has all that it can show: nothing more is looked at for it
                        front[target].discard(lot_id)
                        continue
                    seen[lot_id].add(source)
                    following.setdefault(source, set()).add(lot_id)
                    if not is_middle(source):
                        room[lot_id] -= 1
                        carriers.append(Carrier(lot_id, source, "material", source))
        front = following
    return carriers


async def _containers(session: AsyncSession, carried: Sequence[Carrier]) -> list[Carrier]:
    """The containers of what is carried, and theirs, each from its packing to its next unpacking."""
    found: list[Carrier] = []
    front = list(carried)
    for _ in range(MAX_DEPTH):
        by_node: dict[str, list[Carrier]] = {}
        for carrier in front:
            by_node.setdefault(carrier.node, []).append(carrier)
        edges: list[tuple[str, str, datetime]] = []
        for chunk in chunks(by_node):
            statement = select(col(Edge.from_node), col(Edge.to_node), col(Edge.at)).where(
                col(Edge.from_node).in_(chunk),
                col(Edge.relation).in_(("aggregation", "association")),
                col(Edge.known_to).is_(None),
                col(Edge.confirmed).is_(True),
                col(Edge.source_confirmed).is_(True),
            )
            edges += [(row.from_node, row.to_node, row.at) for row in (await session.execute(statement)).all()]
        if not edges:
            break
        unpacked = await unpackings(session, {container for _, container, _ in edges})
        front = []
        for content, container, packed_at in edges:
            until = min((at for at in unpacked.get(container, ()) if at >= packed_at), default=None)
            front += [
                Carrier(carrier.lot_id, carrier.flow, carrier.role, container, packed_at, until)
                for carrier in by_node[content]
                if _inside(carrier, packed_at)
            ]
        found += front
    return found


async def _events(session: AsyncSession, nodes: Iterable[str], makers: Collection[str]) -> list[Any]:
    """What counts for the nodes, and what the makers say of them. The newest of each who tells, so that nobody's many
    events push another's out."""
    rows: list[Any] = []
    for chunk in chunks(nodes):
        rank = (
            func.row_number()
            .over(
                partition_by=(col(EventEpc.node), col(EpcisEvent.owner_uscc)),
                order_by=col(EpcisEvent.event_time).desc(),
            )
            .label("rank")
        )
        columns: list[Any] = [*_EVENT_COLUMNS, rank]
        ranked = (
            select(*columns)
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
            .where(
                among(session, col(EventEpc.node), chunk),
                col(EpcisEvent.errored_at).is_(None),
                col(EpcisEvent.declaration).is_(False),
                # An input was seen before, in an event of its own; here the event belongs to what came out.
                col(EventEpc.field).not_in(("input", "input_quantity")),
                or_(col(EventEpc.confirmed).is_(True), col(EpcisEvent.owner_uscc).in_(sorted(makers))),
            )
            .subquery()
        )
        statement = (
            select(ranked)
            .where(ranked.c.rank <= MAX_EVENTS)
            .order_by(ranked.c.event_time, ranked.c.record_id, ranked.c.position)
        )
        result = await session.stream(statement)
        async for some in result.partitions(1_000):
            rows += some
    return rows


def _foreign(rows: Iterable[Any], registry: Registry) -> set[str]:
    return {row.record_id for row in rows if registry.elsewhere(row) or registry.late(row)}


class _Names:
    """Names of places, parties and material lots that the events refer to by number."""

    def __init__(
        self, registry: Registry, parties: dict[str, str], materials: dict[str, str], elsewhere: Collection[str]
    ) -> None:
        self.registry = registry
        self.places = registry.places
        self.elsewhere = elsewhere
        """Records of events at a place of another who has not confirmed it, or that was nobody's then."""
        self.parties = parties
        self.materials = materials

    @classmethod
    async def load(cls, session: AsyncSession, rows: Sequence[Any], materials: Iterable[str]) -> "_Names":
        asked = {value for row in rows for value in (row.source_party, row.destination_party, row.place_gln) if value}
        registry = await Registry.load(session, asked)
        places = registry.places
        usccs = asked | {place.uscc for place in places.values()} | {row.owner_uscc for row in rows if row.owner_uscc}
        parties: dict[str, str] = {}
        for chunk in chunks(usccs):
            named = select(col(Party.uscc), col(Party.name)).where(col(Party.uscc).in_(chunk))
            parties |= {uscc: name for uscc, name in (await session.execute(named)).all()}
        lots: dict[str, str] = {}
        for chunk in chunks(materials):
            statement = (
                select(col(Lot.lot_id), col(Lot.lot), col(Product.name))
                .join(Product, col(Product.gtin) == col(Lot.gtin))
                .where(col(Lot.lot_id).in_(chunk))
            )
            lots |= {lot_id: f"{name} {lot}" for lot_id, lot, name in (await session.execute(statement)).all()}
        foreign = await aside(len(rows), _foreign, rows, registry)
        return cls(registry, parties, lots, foreign - await confirmed_places(session, foreign))

    def party(self, value: str | None, row: Any) -> str | None:
        """A party by its USCC, also where the event named one of its places."""
        return self.registry.party(value, row.record_id, row.captured_by) or value

    def seen(self, row: Any, carrier: Carrier) -> Seen:
        place = self.places.get(row.place_gln or "") if row.record_id not in self.elsewhere else None
        source, sent_to = self.party(row.source_party, row), self.party(row.destination_party, row)
        told_of_itself = row.owner_uscc is None or source == row.owner_uscc
        amount = quantity_text(row.quantity, row.uom) if row.node == carrier.flow else None
        note = [self.materials.get(carrier.flow)] if carrier.role == "material" else []
        return Seen(
            record_id=row.record_id,
            at=row.event_time,
            flow=carrier.flow,
            role=carrier.role,
            event_type=row.event_type,
            biz_step=row.biz_step,
            gln=row.place_gln,
            place=place.name if place else None,
            area_code=place.area_code if place else None,
            party=self.parties.get(place.uscc if place else row.owner_uscc or ""),
            source=source,
            destination=sent_to,
            source_name=self.parties.get(source or "") if told_of_itself else None,
            destination_name=self.parties.get(sent_to or ""),
            note=" · ".join(part for part in (*note, amount) if part) or None,
        )


def quantity_text(quantity: Decimal | None, uom: str | None) -> str | None:
    """`1,200.5 kg`; pieces as `×1,200`: the same in both languages."""
    if quantity is None:
        return None
    number = f"{quantity:,f}"
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"×{number}" if uom in _PIECES else f"{number} {_UNITS.get(uom or '', uom)}"
