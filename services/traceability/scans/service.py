"""Use cases of scans: apply the gateway's batches."""

from collections.abc import Sequence

from services.traceability.scans import repository, rules
from services.traceability.scans.models import ScanSource
from shared.bus import Received
from shared.db import UnitOfWork
from shared.db.sql import upsert
from shared.events.gateway import ScansRecorded


async def apply_scans_recorded(uow: UnitOfWork, events: Sequence[Received[ScansRecorded]]) -> None:
    """Log each scan once by its id, whatever batch brings it again, and count it once."""
    scans: dict[str, rules.Seen] = {}
    for event in events:
        for scan in event.data.scans:
            code = rules.code_key(scan.gtin, scan.lot, scan.serial)
            scans.setdefault(scan.scan_id, rules.Seen(scan.scan_id, code, scan.at, scan.where))
    for scan_id in await repository.known(uow.session, list(scans)):
        del scans[scan_id]
    rows = [
        {"scan_id": scan.scan_id, "code": scan.code, "at": scan.at, "area_code": scan.area_code}
        for scan in scans.values()
    ]
    await repository.append(uow.session, rows)
    await repository.count(uow.session, *rules.totals(scans.values()))
    sources = {event.data.instance: event.time for event in events}
    told = [{"instance": instance, "as_of": time} for instance, time in sources.items()]
    await upsert(uow.session, ScanSource, told, key=["instance"])
