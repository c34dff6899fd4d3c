"""The state of the services as data, for the page and for operators."""

import time
from typing import TYPE_CHECKING

from services.gateway.schemas import ServiceState, StateView
from services.gateway.upstreams.clients import UPSTREAMS
from shared.bus import dead_letters
from shared.db.types import utc_text

if TYPE_CHECKING:
    from shared.platform import Platform


async def state_view(platform: "Platform") -> StateView:
    now = platform.clock.now()
    upstreams = UPSTREAMS.of(platform)
    async with platform.read() as session:
        letters = await dead_letters.open_count(session, platform.consumer.name)
    services: list[ServiceState] = [
        {
            "name": "gateway",
            "state": "degraded" if platform.failing else "up",
            "last_contact": utc_text(now),
            "as_of": utc_text(now),
            "age_seconds": 0,
            "outbox_pending": None,
            "outbox_oldest_seconds": None,
            "lag_records": None,
            "breaker": "closed",
            "detail": "; ".join(f"{name}: {why}" for name, why in platform.failing.items()) or None,
        }
    ]
    for name, upstream in upstreams.clients.items():
        seen = upstreams.monitor.seen[name]
        services.append(
            {
                "name": name,
                "state": seen.state,
                "last_contact": utc_text(seen.last_contact) if seen.last_contact else None,
                "as_of": utc_text(seen.whole_at) if seen.whole_at else None,
                "age_seconds": max(0, int((now - seen.whole_at).total_seconds())) if seen.whole_at else None,
                "outbox_pending": seen.outbox_pending,
                "outbox_oldest_seconds": seen.outbox_oldest_seconds,
                "lag_records": seen.lag_records,
                "breaker": upstream.breaker.state(time.monotonic()),
                "detail": seen.detail,
            }
        )
    ok = all(service["state"] == "up" for service in services) and not letters
    return {"at": utc_text(now), "ok": ok, "services": services, "dead_letters": letters}
