"""Recalls of traceability on the enterprise's file: a projection that can be rebuilt from the log."""

from collections.abc import Sequence

from services.credit.recalls import repository
from services.credit.recalls.models import RecallNote
from shared.bus.envelope import Received
from shared.db import UnitOfWork
from shared.db.sql import upsert
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated


async def apply_case(uow: UnitOfWork, events: Sequence[Received[RecallOpened] | Received[RecallUpdated]]) -> None:
    """The whole case replaces what was known; the last event of each recall counts."""
    cases = {event.data.recall_id: event.data for event in events}
    rows = [
        {
            "recall_id": case.recall_id,
            "number": case.number,
            "uscc": case.uscc,
            "area_code": case.area_code,
            "level": case.level,
            "reason": case.reason,
            "reason_en": case.reason_en,
            "lots": len(case.lots) if case.lots_count is None else case.lots_count,
            "state": "open",
            "opened_at": case.opened_at,
            "start_by": case.start_by,
            "finish_by": case.finish_by,
            "closed_at": None,
            "outcome": None,
        }
        for case in cases.values()
    ]
    await upsert(uow.session, RecallNote, rows, key=["recall_id"])


async def apply_closed(uow: UnitOfWork, events: Sequence[Received[RecallClosed]]) -> None:
    notes = await repository.by_id(uow.session, {event.data.recall_id for event in events})
    for event in events:
        # Raises where the opening never came: the event is parked and looked at, not lost.
        note = notes[event.data.recall_id]
        note.state, note.closed_at, note.outcome = "closed", event.data.closed_at, event.data.outcome
        uow.session.add(note)
