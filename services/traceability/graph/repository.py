"""Queries of the graph: what is reached from what, and the events that tell it."""

import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, Literal

import orjson
from sqlalchemy import or_, select, text
from sqlalchemy.orm import defer
from sqlmodel import col

from services.traceability.graph.models import Edge, EpcisEvent, EventEpc
from shared.db import AsyncSession
from shared.db.sql import chunks, dialect_of

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
    had: bool = False,
) -> dict[str, int]:
    """Every node that is reached over edges in force, with its least depth; nearest first, at most `limit`. Without
    `late`, not over what was told before today's owner came to what it leaves; `claimed`: also over those that nobody
    confirmed; `had`: only over those whose teller had what they leave.

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
    if had:
        count += " AND {0}.source_confirmed"
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


async def onward(
    session: AsyncSession, nodes: Iterable[str], *, max_depth: int, limit: int, late: bool = True
) -> dict[str, int]:
    """What the nodes went into, with its depth, at most `limit`. Where that is too much, what those told who had what
    they used goes before what anybody else says that it made of it: a stranger's many products take no room."""
    start = set(nodes)
    reached = await closure(session, start, "forward", max_depth=max_depth, limit=limit, late=late)
    if len(reached) < limit:
        return reached
    sure = await closure(session, start, "forward", max_depth=max_depth, limit=limit, late=late, had=True)
    return dict(islice({**sure, **reached}.items(), limit))


async def concerned_lots(session: AsyncSession, nodes: Collection[str]) -> list[str]:
    """Lots whose way changed when events named these nodes: they, what is inside of them, and what was made of it."""
    if not nodes:
        return []
    inside = await closure(
        session, nodes, "backward", relations=CONTAINMENT, max_depth=CONCERNED_DEPTH, limit=CONCERNED_NODES
    )
    reached = await onward(session, inside, max_depth=CONCERNED_DEPTH, limit=CONCERNED_NODES)
    return sorted(node for node in reached if is_lot(node))


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
        statement = select(col(Edge.record_id), col(Edge.from_node)).where(
            col(Edge.to_node).in_(chunk),
            col(Edge.known_to).is_(None),
            col(Edge.confirmed).is_(True),
        )
        found |= {record for record, source in (await session.execute(statement)).all() if source in nodes}
    return found


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


async def nodes_at(session: AsyncSession, gln: str, limit: int) -> set[str]:
    """What was seen at a place, sent from it or to it; the newest events first, at most `limit`."""
    places = (EpcisEvent.place_gln, EpcisEvent.source_party, EpcisEvent.destination_party)
    statement = (
        select(col(EventEpc.node))
        .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
        .where(or_(*(col(column) == gln for column in places)))
        .order_by(col(EpcisEvent.record_id).desc())
        .limit(limit)
    )
    return set((await session.execute(statement)).scalars())


async def nodes_of(session: AsyncSession, record_ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(record_ids):
        result = await session.execute(select(col(EventEpc.node)).where(col(EventEpc.record_id).in_(chunk)))
        found |= set(result.scalars())
    return found
