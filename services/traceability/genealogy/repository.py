"""What the graph says of some nodes, with who told it and where each was."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, true
from sqlmodel import col

from services.traceability.genealogy.holdings import Observation
from services.traceability.graph.models import Edge, EpcisEvent, EventEpc
from services.traceability.graph.repository import ROWS
from services.traceability.rights import repository as rights
from shared.db import AsyncSession
from shared.db.sql import among, chunks


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """An edge that its other side has not confirmed: into what a node went, as one party says."""

    node: str
    asks: str | None
    """Who may confirm it; None: a department."""
    event_id: str
    at: datetime


async def unconfirmed_from(
    session: AsyncSession, nodes: Collection[str], *, told_by: str | None = None, limit: int = 500
) -> list[Unconfirmed]:
    """Edges that leave the nodes and wait for a word, of one party or of all; at most `limit`."""
    party = col(EpcisEvent.captured_by) == told_by if told_by else true()
    front = set(nodes)
    for chunk in chunks(nodes):
        star = select(col(Edge.to_node)).where(
            col(Edge.from_node).in_(chunk), col(Edge.hop) == 0, col(Edge.known_to).is_(None)
        )
        front |= set((await session.execute(star)).scalars())
    found: dict[tuple[str, str], Unconfirmed] = {}
    for chunk in chunks(front):
        statement = (
            select(col(Edge.to_node), col(EventEpc.asks), col(EpcisEvent.event_id), col(Edge.at))
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(Edge.record_id))
            .join(EventEpc, (col(EventEpc.record_id) == Edge.record_id) & (col(EventEpc.node) == Edge.to_node))
            .where(
                col(Edge.from_node).in_(chunk),
                col(Edge.known_to).is_(None),
                col(Edge.confirmed).is_(False),
                party,
            )
            .order_by(col(Edge.record_id), col(Edge.position))
            .limit(limit)
        )
        for row in (await session.execute(statement)).all():
            found.setdefault((row.event_id, row.to_node), Unconfirmed(*row))
    return list(found.values())[:limit]


_EVENT: list[Any] = [
    col(EpcisEvent.record_id),
    col(EpcisEvent.hash_id),
    col(EpcisEvent.captured_by),
    col(EpcisEvent.owner_uscc),
    col(EpcisEvent.event_type),
    col(EpcisEvent.action),
    col(EpcisEvent.event_time),
    col(EpcisEvent.record_time),
    col(EpcisEvent.biz_step),
    col(EpcisEvent.disposition),
    col(EpcisEvent.place_gln),
    col(EpcisEvent.source_party),
    col(EpcisEvent.destination_party),
]
"""What the graph needs of an event: its body grows with its objects, and would be read once for each of them."""
_NAMED: list[Any] = [
    col(EventEpc.node),
    col(EventEpc.field),
    col(EventEpc.quantity),
    col(EventEpc.uom),
    col(EventEpc.confirmed),
    col(EventEpc.late),
]


async def named(session: AsyncSession, nodes: Iterable[str], record_ids: Collection[str]) -> list[Any]:
    """What these events say of the nodes, in the events' order: record, position and the columns of `_NAMED`."""
    found: list[Any] = []
    for chunk in chunks(nodes, ROWS):
        statement = select(col(EventEpc.record_id), col(EventEpc.position), *_NAMED).where(
            among(session, EventEpc.node, chunk)
        )
        found += [row for row in (await session.execute(statement)).all() if row.record_id in record_ids]
    return sorted(found, key=lambda row: (row.record_id, row.position))


async def observations(session: AsyncSession, nodes: Iterable[str]) -> list[Observation]:
    """Every event in force that names one of the nodes, with its holder resolved through the places; also what is not
    confirmed."""
    rows: list[Any] = []
    for chunk in chunks(nodes, ROWS):
        statement = (
            select(*_NAMED, *_EVENT)
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
            .where(
                among(session, EventEpc.node, chunk),
                col(EpcisEvent.errored_at).is_(None),
                col(EpcisEvent.declaration).is_(False),
            )
        )
        rows += (await session.execute(statement)).all()
    glns = {gln for e in rows for gln in (e.place_gln, e.source_party, e.destination_party) if gln}
    registry = await rights.Registry.load(session, glns)
    elsewhere = {e.record_id for e in rows if registry.elsewhere(e)}
    there = await rights.confirmed_places(session, elsewhere)
    return await asyncio.to_thread(_observed, rows, registry, elsewhere, there)


def _observed(
    rows: Sequence[Any], registry: rights.Registry, elsewhere: Collection[str], there: Collection[str]
) -> list[Observation]:
    """`elsewhere`: records of events at a place of another; in `there` those that are confirmed to have been there."""
    late = {row.record_id for row in rows if registry.late(row)} - set(there)
    apart = set(elsewhere) - set(there) - late
    found = [
        Observation(
            record_id=row.record_id,
            node=row.node,
            field=row.field,
            event_type=row.event_type,
            action=row.action,
            biz_step=row.biz_step,
            disposition=row.disposition,
            at=row.event_time,
            place=row.place_gln if row.record_id not in apart else None,
            holder=registry.at(row.place_gln)
            if row.record_id in there
            else row.owner_uscc or registry.party(row.place_gln, row.record_id, row.captured_by) or row.place_gln,
            source=registry.party(row.source_party, row.record_id, row.captured_by) or row.source_party,
            destination=registry.party(row.destination_party, row.record_id, row.captured_by) or row.destination_party,
            quantity=row.quantity,
            uom=row.uom,
            party=row.owner_uscc,
            confirmed=row.confirmed,
            late=row.late,
            nowhere=row.record_id in late,
            recorded=row.record_time,
        )
        for row in rows
    ]
    return sorted(_told_once(found, rows), key=lambda seen: (seen.at, seen.record_id))


def _told_once(found: list[Observation], rows: Sequence[Any]) -> list[Observation]:
    """Without what another party told in the very same words: firms that exchange documents may both capture them. Who
    speaks for itself goes before who repeats it, what counts before what does not. What one party tells twice under
    ids of its own happened twice."""
    best: dict[tuple[str, str], tuple[bool, bool, str]] = {}
    speaker: dict[tuple[str, str], str] = {}
    for seen, row in zip(found, rows, strict=True):
        key = (row.hash_id, seen.node)
        rank = (not seen.confirmed, seen.place is None, row.record_id)
        if key not in best or rank < best[key]:
            best[key], speaker[key] = rank, row.captured_by
    return [seen for seen, row in zip(found, rows, strict=True) if speaker[row.hash_id, seen.node] == row.captured_by]


async def users(session: AsyncSession, nodes: Iterable[str]) -> dict[str, set[str]]:
    """Node -> enterprises that made something of it, and whose word that counts."""
    found: dict[str, set[str]] = {}
    for chunk in chunks(nodes):
        statement = (
            select(col(Edge.from_node), col(EpcisEvent.owner_uscc))
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(Edge.record_id))
            .where(
                col(Edge.from_node).in_(chunk),
                col(Edge.relation) == "transformation",
                col(Edge.known_to).is_(None),
                col(Edge.confirmed).is_(True),
                col(EpcisEvent.owner_uscc).is_not(None),
            )
        )
        for node, party in (await session.execute(statement)).all():
            found.setdefault(node, set()).add(party)
    return found


async def counted(
    session: AsyncSession, observed: Iterable[Observation], materials: Collection[str] = ()
) -> list[Observation]:
    """What counts; of materials also what those say of them who made something of them, since their supplier may be
    late or nobody here knows it."""
    told = list(observed)
    who = await users(session, {seen.node for seen in told if not seen.confirmed and seen.node in materials})
    return [seen for seen in told if seen.confirmed or seen.party in who.get(seen.node, ())]
