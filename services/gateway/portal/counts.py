"""How often a code was scanned: asked from traceability while the page is made, left out when it takes too long."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.gateway.schemas import ScanView
from services.gateway.upstreams.client import Deadline, UpstreamError
from services.gateway.upstreams.clients import UPSTREAMS
from shared.platform import Platform
from shared.reference import areas

SECONDS = 0.5
"""The verdict never waits longer for this."""


@dataclass(frozen=True)
class Counts:
    times: int
    first_at: datetime | None
    first_area: str | None
    as_of: datetime | None


async def scan_counts(platform: Platform, view: ScanView) -> Counts | None:
    path = view["links"].get("scans")
    if path is None or view["lot"] is None:
        return None
    try:
        body = (
            await UPSTREAMS.of(platform)
            .clients["traceability"]
            .get_json(path, deadline=Deadline.after(SECONDS, full=False), headers={"accept": "application/json"})
        )
    except UpstreamError:
        return None
    return _read(body) if isinstance(body, dict) else None


def _read(body: dict[str, Any]) -> Counts | None:
    area = areas.get(body["first_area_code"]) if body.get("first_area_code") else None
    first_at, as_of = body.get("first_at"), body.get("as_of")
    return Counts(
        int(body.get("times") or 0),
        datetime.fromisoformat(first_at) if first_at else None,
        area.name if area else None,
        datetime.fromisoformat(as_of) if as_of else None,
    )
