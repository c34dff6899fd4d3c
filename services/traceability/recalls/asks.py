"""Duties to ask: what the lots of a recall went into besides, as only one side says."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from services.traceability.recalls.schemas import AskOut
from services.traceability.rights.rules import shown_asks
from shared.auth import Principal
from shared.db import AsyncSession
from shared.db.sql import dialect_of
from shared.db.types import UTC

FIRST = 100
_EDGES = (
    "SELECT x.record_id, x.to_node, x.at, x.hop, x.confirmed FROM edge x WHERE x.from_node = {0} AND x.known_to IS NULL"
)
# Asked for each lot by itself (OFFSET 0 keeps it so): planned as one join, a large set makes PostgreSQL read all edges.
_BY_NODE = f"CROSS JOIN LATERAL ({_EDGES} AND (NOT x.confirmed OR x.hop = 0) OFFSET 0) e"
_SQLITE = "CROSS JOIN edge e ON e.from_node = {0} AND e.known_to IS NULL AND (NOT e.confirmed OR e.hop = 0)"


def _waiting(session: AsyncSession) -> str:
    """Every edge that leaves a lot of the recall, or a star that one went into, and waits for a word."""
    join = _SQLITE if dialect_of(session) == "sqlite" else _BY_NODE
    return (
        "WITH onward AS (SELECT e.record_id, e.to_node, e.at, e.hop, e.confirmed "  # noqa: S608 - built from constants
        f"FROM recall_lot m {join.format('m.lot_id')} WHERE m.recall_id = :recall_id), "
        "waiting AS (SELECT record_id, to_node, at FROM onward WHERE NOT confirmed "
        "UNION SELECT e.record_id, e.to_node, e.at FROM (SELECT DISTINCT to_node FROM onward WHERE hop = 0) s "
        f"{join.format('s.to_node')} WHERE NOT e.confirmed) "
    )


async def page(session: AsyncSession, recall_id: str, *, after: tuple[str, str] | None, limit: int) -> list[Any]:
    """In the order of the events: record, node, time, who may confirm it, event id."""
    onward = "WHERE (w.record_id, w.to_node) > (:record_id, :node) " if after is not None else ""
    statement = text(
        f"{_waiting(session)} SELECT w.record_id, w.to_node, w.at, v.event_id, max(o.asks) AS asks FROM waiting w "  # noqa: S608 - the same
        "JOIN epcis_event v ON v.record_id = w.record_id "
        "JOIN event_epc o ON o.record_id = w.record_id AND o.node = w.to_node "
        f"{onward} GROUP BY w.record_id, w.to_node, w.at, v.event_id ORDER BY w.record_id, w.to_node LIMIT :limit"
    ).columns(at=UTC)
    given = {"record_id": after[0], "node": after[1]} if after is not None else {}
    return list((await session.execute(statement, {"recall_id": recall_id, "limit": limit} | given)).all())


async def count(session: AsyncSession, recall_id: str) -> int:
    statement = text(f"{_waiting(session)} SELECT count(*) FROM waiting")  # noqa: S608 - the same
    return int((await session.execute(statement, {"recall_id": recall_id})).scalar_one())


def out(rows: Sequence[Any], principal: Principal) -> list[AskOut]:
    return [
        AskOut(node=row.to_node, asks=shown_asks(principal, row.to_node, row.asks), event_id=row.event_id, at=row.at)
        for row in rows
    ]
