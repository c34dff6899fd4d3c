"""Queries behind a journey: which objects carried a lot, what it was made of, and the events that saw them.

Set-based: a few statements for all lots together, whatever their number.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from services.traceability.epcis.models import EpcisEvent, EventEpc
from services.traceability.genealogy.models import Edge
from services.traceability.masterdata.models import Lot, Party, Place, Product
from services.traceability.verdicts.journey import Role, Seen
from shared.db import AsyncSession

MAX_DEPTH = 8
"""Levels of materials and of containers that a journey shows."""
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


def chunks(values: Iterable[str], size: int = 5_000) -> Iterator[list[str]]:
    ordered = sorted(set(values))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


async def journeys(session: AsyncSession, lot_ids: Sequence[str]) -> dict[str, list[Seen]]:
    """The events of each lot, its containers and its materials, in no order."""
    carriers = [Carrier(lot_id, lot_id, "own", lot_id) for lot_id in lot_ids]
    carriers += await _materials(session, lot_ids)
    carriers += await _containers(session, carriers)
    by_node: dict[str, list[Carrier]] = {}
    for carrier in carriers:
        by_node.setdefault(carrier.node, []).append(carrier)
    rows = await _events(session, by_node)
    names = await _Names.load(session, rows, [carrier.flow for carrier in carriers if carrier.role == "material"])
    found: dict[str, dict[tuple[str, str], Seen]] = {}
    for row in rows:
        for carrier in by_node[row.node]:
            if _inside(carrier, row.event_time):
                # One event may name a lot several times (its crate and itself); the first sighting stands.
                found.setdefault(carrier.lot_id, {}).setdefault((row.record_id, carrier.flow), names.seen(row, carrier))
    return {lot_id: list(seen.values()) for lot_id, seen in found.items()}


def _inside(carrier: Carrier, at: datetime) -> bool:
    return (carrier.since is None or at >= carrier.since) and (carrier.until is None or at <= carrier.until)


async def _materials(session: AsyncSession, lot_ids: Sequence[str]) -> list[Carrier]:
    """Everything that went into the lots, level by level; each object once for each lot, so a circle ends."""
    seen: dict[str, set[str]] = {lot_id: {lot_id} for lot_id in lot_ids}
    front: dict[str, set[str]] = {lot_id: {lot_id} for lot_id in lot_ids}
    carriers: list[Carrier] = []
    for _ in range(MAX_DEPTH * 2):  # a star with its event in the middle takes two hops
        if not front:
            break
        following: dict[str, set[str]] = {}
        for chunk in chunks(front):
            statement = select(col(Edge.from_node), col(Edge.to_node)).where(
                col(Edge.to_node).in_(chunk),
                col(Edge.relation) == "transformation",
                col(Edge.known_to).is_(None),
            )
            for source, target in (await session.execute(statement)).all():
                for lot_id in [lot_id for lot_id in front[target] if source not in seen[lot_id]]:
                    seen[lot_id].add(source)
                    following.setdefault(source, set()).add(lot_id)
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
            )
            edges += [(row.from_node, row.to_node, row.at) for row in (await session.execute(statement)).all()]
        if not edges:
            break
        unpacked = await _unpackings(session, {container for _, container, _ in edges})
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


async def _unpackings(session: AsyncSession, containers: Iterable[str]) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    for chunk in chunks(containers):
        statement = (
            select(col(EventEpc.node), col(EpcisEvent.event_time))
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
            .where(
                col(EventEpc.node).in_(chunk),
                col(EventEpc.field) == "parent",
                col(EpcisEvent.action) == "DELETE",
                col(EpcisEvent.errored_at).is_(None),
                col(EpcisEvent.declaration).is_(False),
            )
        )
        for node, at in (await session.execute(statement)).all():
            found.setdefault(node, []).append(at)
    return found


async def _events(session: AsyncSession, nodes: Iterable[str]) -> list[Any]:
    rows: list[Any] = []
    for chunk in chunks(nodes):
        rank = (
            func.row_number()
            .over(partition_by=col(EventEpc.node), order_by=col(EpcisEvent.event_time).desc())
            .label("rank")
        )
        columns: list[Any] = [*_EVENT_COLUMNS, rank]
        ranked = (
            select(*columns)
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
            .where(
                col(EventEpc.node).in_(chunk),
                col(EpcisEvent.errored_at).is_(None),
                col(EpcisEvent.declaration).is_(False),
                # An input was seen before, in an event of its own; here the event belongs to what came out.
                col(EventEpc.field).not_in(("input", "input_quantity")),
            )
            .subquery()
        )
        statement = (
            select(ranked)
            .where(ranked.c.rank <= MAX_EVENTS)
            .order_by(ranked.c.event_time, ranked.c.record_id, ranked.c.position)
        )
        rows += (await session.execute(statement)).all()
    return rows


class _Names:
    """Names of places, parties and material lots that the events refer to by number."""

    def __init__(self, places: dict[str, Place], parties: dict[str, str], materials: dict[str, str]) -> None:
        self.places = places
        self.parties = parties
        self.materials = materials

    @classmethod
    async def load(cls, session: AsyncSession, rows: Sequence[Any], materials: Iterable[str]) -> "_Names":
        asked = {value for row in rows for value in (row.source_party, row.destination_party, row.place_gln) if value}
        places: dict[str, Place] = {}
        for chunk in chunks(asked):
            found = await session.execute(select(Place).where(col(Place.gln).in_(chunk)))
            places |= {place.gln: place for place in found.scalars()}
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
        return cls(places, parties, lots)

    def party(self, value: str | None) -> str | None:
        """A party by its USCC, also where the event named one of its places."""
        return self.places[value].uscc if value in self.places else value

    def name(self, value: str | None) -> str | None:
        return self.parties.get(self.party(value) or "")

    def seen(self, row: Any, carrier: Carrier) -> Seen:
        place = self.places.get(row.place_gln or "")
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
            source=self.party(row.source_party),
            destination=self.party(row.destination_party),
            source_name=self.name(row.source_party),
            destination_name=self.name(row.destination_party),
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
