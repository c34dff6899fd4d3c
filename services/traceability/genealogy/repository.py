"""Queries of the lot graph."""

import asyncio
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import select, text, true
from sqlalchemy.orm import defer
from sqlmodel import col

from services.traceability.epcis.models import EpcisEvent, EventEpc
from services.traceability.genealogy.holdings import Observation
from services.traceability.genealogy.models import Edge
from services.traceability.rights import repository as rights
from shared.db import AsyncSession
from shared.db.sql import among, chunks, dialect_of

Direction = Literal["forward", "backward"]
ALL = ("transformation", "aggregation", "association")
CONTAINMENT = ("aggregation", "association")
ROWS = 2_000
"""Read between two turns of the event loop."""
CONCERNED_DEPTH = 12
CONCERNED_NODES = 20_000
"""Bounds of what one captured document makes stale."""
_LOT = re.compile(r"\d{14}\..+")


def is_lot(node: str) -> bool:
    return _LOT.fullmatch(node) is not None


async def closure(
    session: AsyncSession,
    nodes: Iterable[str],
    direction: Direction,
    *,
    relations: Collection[str] = ALL,
    claimed: bool = False,
    max_depth: int,
    limit: int,
    late: bool = True,
) -> dict[str, int]:
    """Every node that is reached over edges in force, with its least depth; nearest first, at most `limit`. Without
    `late`, not over what was told before today's owner came to what it leaves; `claimed`: also over those that nobody
    confirmed.

    A row is a node at a depth, so UNION (not ALL) and the bound on the depth end every circle. The legs of a star count
    once: `hop` is 0 on the way in and 1 on the way out, in both directions.
    """
    here, there = ("from_node", "to_node") if direction == "forward" else ("to_node", "from_node")
    sqlite = dialect_of(session) == "sqlite"
    start = "SELECT value, 0 FROM json_each(:nodes)" if sqlite else "SELECT unnest(CAST(:nodes AS text[])), 0"
    kinds = ", ".join(f"'{relation}'" for relation in sorted(relations))
    count = f"{{0}}.known_to IS NULL AND {{0}}.relation IN ({kinds})"
    if not claimed:
        count += " AND {0}.confirmed"
    if not late:
        count += " AND NOT {0}.late"
    edges = (
        f"JOIN edge e ON e.{here} = r.node AND {count.format('e')}"
        if sqlite
        # Asked for each node by itself (OFFSET 0 keeps it so): planned as one join, a thousand nodes at the start make
        # PostgreSQL read the whole table at every level.
        else f"CROSS JOIN LATERAL (SELECT x.{there}, x.hop FROM edge x WHERE x.{here} = r.node "  # noqa: S608
        f"AND {count.format('x')} OFFSET 0) e"
    )
    statement = text(
        f"WITH RECURSIVE reached(node, depth) AS ({start} UNION "  # noqa: S608 - built from constants
        f"SELECT e.{there}, r.depth + e.hop FROM reached r {edges} WHERE r.depth + e.hop <= :depth) "
        "SELECT node, min(depth) FROM reached GROUP BY node ORDER BY 2, 1 LIMIT :limit"
    )
    wanted = sorted(set(nodes))
    given: Any = orjson.dumps(wanted).decode() if sqlite else wanted
    found: dict[str, int] = {}
    result = await session.stream(statement, {"nodes": given, "depth": max_depth, "limit": limit})
    async for rows in result.partitions(ROWS):
        found.update((node, depth) for node, depth in rows)
    return found


async def concerned_lots(session: AsyncSession, nodes: Collection[str]) -> list[str]:
    """Lots whose way changed when events named these nodes: they, what is inside of them, and what was made of it."""
    if not nodes:
        return []
    inside = await closure(
        session, nodes, "backward", relations=CONTAINMENT, max_depth=CONCERNED_DEPTH, limit=CONCERNED_NODES
    )
    onward = await closure(session, inside, "forward", max_depth=CONCERNED_DEPTH, limit=CONCERNED_NODES)
    return sorted(node for node in onward if is_lot(node))


async def said_inside(session: AsyncSession, nodes: Collection[str]) -> list[str]:
    """Lots of which anybody says that they are in these nodes, confirmed or not: whoever speaks of the nodes may have
    them."""
    inside = await closure(
        session,
        nodes,
        "backward",
        relations=CONTAINMENT,
        claimed=True,
        max_depth=CONCERNED_DEPTH,
        limit=CONCERNED_NODES,
    )
    return sorted(node for node in inside if is_lot(node))


async def records_between(session: AsyncSession, nodes: Collection[str]) -> set[str]:
    """Events whose edges join two of the nodes."""
    found: set[str] = set()
    for chunk in chunks(nodes):
        statement = select(Edge.record_id, Edge.from_node).where(  # type: ignore[call-overload]
            Edge.to_node.in_(chunk),  # type: ignore[attr-defined]
            Edge.known_to.is_(None),  # type: ignore[union-attr]
            Edge.confirmed.is_(True),  # type: ignore[attr-defined]
        )
        found |= {record for record, source in (await session.execute(statement)).all() if source in nodes}
    return found


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
    party = EpcisEvent.captured_by == told_by if told_by else true()
    front = set(nodes)
    for chunk in chunks(nodes):
        star = select(Edge.to_node).where(Edge.from_node.in_(chunk), Edge.hop == 0, Edge.known_to.is_(None))  # type: ignore[call-overload,attr-defined,union-attr]
        front |= set((await session.execute(star)).scalars())
    found: dict[tuple[str, str], Unconfirmed] = {}
    for chunk in chunks(front):
        statement = (
            select(Edge.to_node, EventEpc.asks, EpcisEvent.event_id, Edge.at)  # type: ignore[call-overload]
            .join(EpcisEvent, EpcisEvent.record_id == Edge.record_id)
            .join(EventEpc, (col(EventEpc.record_id) == Edge.record_id) & (col(EventEpc.node) == Edge.to_node))
            .where(
                Edge.from_node.in_(chunk),  # type: ignore[attr-defined]
                Edge.known_to.is_(None),  # type: ignore[union-attr]
                Edge.confirmed.is_(False),  # type: ignore[attr-defined]
                party,
            )
            .order_by(Edge.record_id, Edge.position)
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


async def events(session: AsyncSession, record_ids: Iterable[str], *, bodies: bool = True) -> dict[str, EpcisEvent]:
    """By record. Without `bodies`, that of an event must not be asked for."""
    found: dict[str, EpcisEvent] = {}
    for chunk in chunks(record_ids):
        statement = select(EpcisEvent).where(col(EpcisEvent.record_id).in_(chunk))
        if not bodies:
            statement = statement.options(defer(EpcisEvent.body, raiseload=True))  # type: ignore[arg-type]
        result = await session.execute(statement)
        found |= {event.record_id: event for event in result.scalars()}
    return found


async def objects(session: AsyncSession, record_ids: Iterable[str]) -> list[EventEpc]:
    found: list[EventEpc] = []
    for chunk in chunks(record_ids):
        statement = (
            select(EventEpc)
            .where(EventEpc.record_id.in_(chunk))  # type: ignore[attr-defined]
            .order_by(EventEpc.record_id, EventEpc.position)  # type: ignore[arg-type]
        )
        found += (await session.execute(statement)).scalars().all()
    return found


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
            select(Edge.from_node, EpcisEvent.owner_uscc)  # type: ignore[call-overload]
            .join(EpcisEvent, EpcisEvent.record_id == Edge.record_id)
            .where(
                Edge.from_node.in_(chunk),  # type: ignore[attr-defined]
                Edge.relation == "transformation",
                Edge.known_to.is_(None),  # type: ignore[union-attr]
                Edge.confirmed.is_(True),  # type: ignore[attr-defined]
                EpcisEvent.owner_uscc.is_not(None),  # type: ignore[union-attr]
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
