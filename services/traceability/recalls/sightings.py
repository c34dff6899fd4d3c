"""Where a lot was seen that no register has."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from services.traceability.graph.models import EpcisEvent, EventEpc
from services.traceability.masterdata import supervision
from services.traceability.rights.repository import Registry
from shared.db import AsyncSession
from shared.db.sql import chunks


async def seen_in(session: AsyncSession, lot_ids: Sequence[str]) -> dict[str, set[str]]:
    """Lots that events in force name, each with the areas in which it was seen: of the places, and of who told it."""
    rows: list[Any] = []
    for chunk in chunks(lot_ids):
        statement = (
            select(
                col(EventEpc.node),
                col(EpcisEvent.record_id),
                col(EpcisEvent.place_gln),
                col(EpcisEvent.captured_by),
                col(EpcisEvent.owner_uscc),
                col(EpcisEvent.captured_area),
            )
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
            .where(
                col(EventEpc.node).in_(chunk),
                col(EpcisEvent.errored_at).is_(None),
                col(EpcisEvent.declaration).is_(False),
            )
        )
        rows += (await session.execute(statement.distinct())).all()
    registry = await Registry.load(session, {row.place_gln for row in rows if row.place_gln})
    homes = await supervision.homes(session, {row.owner_uscc for row in rows if row.owner_uscc})
    found: dict[str, set[str]] = {}
    for row in rows:
        codes = found.setdefault(row.node, set())
        codes.update(homes.get(row.owner_uscc or "", ()))
        if row.captured_area:
            codes.add(row.captured_area)
        if registry.party(row.place_gln, row.record_id, row.captured_by):
            codes.add(registry.places[row.place_gln].area_code)
    return found
