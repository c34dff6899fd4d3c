"""How indicators' events change the dashboard."""

from collections.abc import Sequence

from services.gateway.city import repository
from services.gateway.projection import Row, body_of, event_time
from shared.bus import Received
from shared.db import UnitOfWork
from shared.events import indicators


async def target_changed(uow: UnitOfWork, events: Sequence[Received[indicators.TargetChanged]]) -> None:
    newest: dict[str, Row] = {}
    for event in events:
        newest[event.data.target_id] = {
            "target_id": event.data.target_id,
            "position": event.data.position,
            "body": body_of(event),
            "changed_at": event_time(event),
        }
    await repository.save_targets(uow.session, list(newest.values()))
    uow.invalidate("targets")


async def light_changed(uow: UnitOfWork, events: Sequence[Received[indicators.LightChanged]]) -> None:
    newest: dict[tuple[str, str], Row] = {}
    for event in events:
        newest[event.data.target_id, event.data.area_code] = {
            "target_id": event.data.target_id,
            "area_code": event.data.area_code,
            "body": body_of(event),
            "changed_at": event_time(event),
        }
    await repository.save_lights(uow.session, list(newest.values()))
    uow.invalidate(*(f"city:{area_code}" for _, area_code in newest))
