"""How tests and alerts change what is shown beside an enterprise."""

from collections.abc import Sequence
from typing import Any

from services.gateway.inspections import repository
from services.gateway.projection import Row, body_of, event_time
from shared.bus import Received
from shared.db import UnitOfWork
from shared.events import traceability


async def tests_recorded(uow: UnitOfWork, events: Sequence[Received[Any]]) -> None:
    """`TestRecorded` and `TestCorrected`: the newest body of a test stands."""
    newest: dict[str, Row] = {}
    for event in events:
        body = {key: value for key, value in body_of(event).items() if key not in ("reason", "version")}
        newest[event.data.test_id] = {
            "test_id": event.data.test_id,
            "producer_uscc": event.data.producer_uscc,
            "kind": event.data.kind,
            "result": event.data.result,
            "tested_on": event.data.tested_on,
            "body": body,
        }
    await repository.save_tests(uow.session, list(newest.values()))
    uow.invalidate(*(f"enterprise:{row['producer_uscc']}" for row in newest.values()))


async def alert_opened(uow: UnitOfWork, events: Sequence[Received[traceability.AlertOpened]]) -> None:
    rows = {
        event.data.alert_id: {"alert_id": event.data.alert_id, "closed_at": None, "body": body_of(event)}
        for event in events
    }
    subjects = [
        {"subject": subject, "alert_id": event.data.alert_id}
        for event in events
        for subject in sorted({event.data.subject, *event.data.lots})
    ]
    await repository.save_alerts(uow.session, list(rows.values()), subjects)


async def alert_closed(uow: UnitOfWork, events: Sequence[Received[traceability.AlertClosed]]) -> None:
    rows = await repository.alerts(uow.session, [event.data.alert_id for event in events])
    for event in events:
        rows[event.data.alert_id]["closed_at"] = event_time(event)
    await repository.save_alerts(uow.session, list(rows.values()), [])
