"""Use cases of scans: apply the gateway's batches, forget single scans in time."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from services.traceability.scans import repository, rules
from services.traceability.scans.models import ScanSource
from services.traceability.settings import Settings
from shared.bus import Received
from shared.db import UnitOfWork
from shared.db.sql import upsert
from shared.events.gateway import ScansRecorded

if TYPE_CHECKING:
    from shared.platform import Platform

_STEP = 5_000
"""Rows that one transaction deletes."""


async def apply_scans_recorded(uow: UnitOfWork, events: Sequence[Received[ScansRecorded]]) -> None:
    """Log each scan once by its id, whatever batch brings it again, and count it once; of what came by number only,
    the numbers."""
    scans: dict[str, rules.Seen] = {}
    numbers: list[rules.Seen] = []
    for event in events:
        for scan in event.data.scans:
            code = rules.code_key(scan.gtin, scan.lot, scan.serial)
            scans.setdefault(scan.scan_id, rules.Seen(scan.scan_id, code, scan.at, scan.where))
        for many in event.data.counts:
            code = rules.code_key(many.gtin, many.lot, many.serial)
            numbers.append(rules.Seen("", code, many.first_at, many.where, many.times, many.last_at))
    for scan_id in await repository.known(uow.session, list(scans)):
        del scans[scan_id]
    rows = [
        {"scan_id": scan.scan_id, "code": scan.code, "at": scan.at, "area_code": scan.area_code}
        for scan in scans.values()
    ]
    await repository.append(uow.session, rows)
    await repository.count(uow.session, *rules.totals([*scans.values(), *numbers]))
    sources = {event.data.instance: event.time for event in events}
    told = [{"instance": instance, "as_of": time} for instance, time in sources.items()]
    await upsert(uow.session, ScanSource, told, key=["instance"])


async def forget(platform: "Platform", keep: timedelta) -> int:
    """Delete single scans that are older; their counts stay. How many they were."""
    gone = 0
    while True:
        async with platform.system_unit_of_work() as uow:
            count = await repository.delete_before(uow.session, uow.now - keep, _STEP)
        gone += count
        if count < _STEP:
            return gone


async def run(platform: "Platform") -> None:
    """Once an hour, in steps."""
    days = platform.settings_as(Settings).scan_log_days
    while True:
        await forget(platform, timedelta(days=days))
        await asyncio.sleep(3600)
