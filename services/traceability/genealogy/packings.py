"""Which containers held what when, as it counts and as it is only said."""

from bisect import bisect_left
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.traceability.genealogy.holdings import MAX_NESTING, Packing
from services.traceability.graph.models import Edge, EpcisEvent, EventEpc
from services.traceability.graph.repository import CONTAINMENT
from shared.db import AsyncSession
from shared.db.sql import NAMES, among_names, chunks


async def packings(session: AsyncSession, nodes: Collection[str], *, claimed: bool = False) -> list[Packing]:
    """Which containers held the nodes, theirs too, each from its packing to the next unpacking of the container that
    counts. `claimed`: with the packings that do not count, and those that were declared in error."""
    found: list[Packing] = []
    front, seen = set(nodes), set(nodes)
    for _ in range(MAX_NESTING):
        rows: list[Any] = []
        for chunk in chunks(front):
            for statement in (_packed(claimed), _packed_by_stars(claimed)):
                rows += (await session.execute(statement, {NAMES: chunk})).all()
        if not rows:
            break
        unpacked = await unpackings(session, {row.container for row in rows})
        for row in rows:
            ends = unpacked.get(row.container, [])
            first = bisect_left(ends, row.at)
            found.append(
                Packing(
                    row.content,
                    row.container,
                    row.at,
                    ends[first] if first < len(ends) else None,
                    row.quantity,
                    row.uom,
                    row.field,
                    confirmed=row.into_counts and row.out_counts and row.known_to is None,
                    packer=row.owner_uscc,
                    voided=row.known_to,
                )
            )
        front = {row.container for row in rows} - seen
        seen |= front
    return found


def _columns(into: Any, out: Any) -> list[Any]:
    """Of a packing with these edges: the one from the content and the one to the container, or one that is both."""
    return [
        col(into.from_node).label("content"),
        col(out.to_node).label("container"),
        col(into.at),
        col(into.known_to),
        col(out.confirmed).label("into_counts"),
        col(into.source_confirmed).label("out_counts"),
        col(EventEpc.quantity),
        col(EventEpc.uom),
        col(EventEpc.field),
        col(EpcisEvent.owner_uscc),
    ]


def _counts(into: Any, out: Any) -> Any:
    return and_(col(into.known_to).is_(None), col(into.source_confirmed).is_(True), col(out.confirmed).is_(True))


@cache
def _packed(claimed: bool) -> Select[Any]:
    statement = (
        select(*_columns(Edge, Edge))
        .join(EventEpc, (col(EventEpc.record_id) == Edge.record_id) & (col(EventEpc.node) == Edge.from_node))
        .join(EpcisEvent, col(EpcisEvent.record_id) == col(Edge.record_id))
        .where(among_names(col(Edge.from_node)), col(Edge.relation).in_(CONTAINMENT), col(Edge.hop) == 1)
    )
    return statement if claimed else statement.where(_counts(Edge, Edge))


@cache
def _packed_by_stars(claimed: bool) -> Select[Any]:
    """Packings of several contents into several containers at once, whose edges meet in the event."""
    into, out = aliased(Edge), aliased(Edge)
    statement = (
        select(*_columns(into, out))
        .join(out, (col(out.record_id) == into.record_id) & (col(out.from_node) == into.record_id))
        .join(EventEpc, (col(EventEpc.record_id) == into.record_id) & (col(EventEpc.node) == into.from_node))
        .join(EpcisEvent, col(EpcisEvent.record_id) == col(into.record_id))
        .where(
            among_names(col(into.from_node)),
            col(into.to_node) == into.record_id,
            col(into.relation).in_(CONTAINMENT),
        )
    )
    return statement if claimed else statement.where(_counts(into, out))


_UNPACKED = (
    select(col(EventEpc.node), col(EpcisEvent.event_time))
    .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
    .where(
        among_names(col(EventEpc.node)),
        col(EventEpc.field) == "parent",
        col(EpcisEvent.action) == "DELETE",
        col(EpcisEvent.errored_at).is_(None),
        col(EpcisEvent.declaration).is_(False),
        col(EventEpc.confirmed).is_(True),
    )
)


async def unpackings(session: AsyncSession, containers: Collection[str]) -> dict[str, list[datetime]]:
    """Container -> when it was unpacked, oldest first."""
    found: dict[str, list[datetime]] = {}
    for chunk in chunks(containers):
        for node, at in (await session.execute(_UNPACKED, {NAMES: chunk})).all():
            found.setdefault(node, []).append(at)
    for times in found.values():
        times.sort()
    return found
