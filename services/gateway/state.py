"""What one gateway process keeps beside its platform."""

from typing import TYPE_CHECKING, Any, cast

from services.gateway.issuer.rules import Throttle
from services.gateway.issuer.service import key_file
from services.gateway.scans.log import ScanLog
from services.gateway.settings import Settings
from services.gateway.upstreams.client import Deadline, Upstream
from services.gateway.upstreams.monitor import Monitor

if TYPE_CHECKING:
    from shared.platform import Platform


class Gateway:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.upstreams = {
            name: Upstream(name, url, max_in_flight=settings.upstream_in_flight)
            for name, url in settings.upstream_urls().items()
        }
        self.monitor = Monitor(self.upstreams, every=settings.monitor_seconds, stale=settings.stale_seconds)
        self.scans = ScanLog(every=settings.scan_flush_seconds, logged=settings.scans_logged_per_second)
        self.keys = key_file(settings)
        self.attempts_from = Throttle(free=3)
        """Failed token requests of one client from one address."""
        self.attempts_for = Throttle(free=50)
        """Failed token requests for one client from anywhere."""

        self.documents: dict[str, dict[str, Any]] = {}
        """OpenAPI documents of the upstreams, as far as they could be had."""

    def deadline(self, asked_ms: str | None) -> Deadline:
        """The deadline of one request: the setting's, or sooner when the client asks for it."""
        full = self.settings.request_seconds
        if asked_ms is not None and asked_ms.isdecimal() and int(asked_ms) < full * 1000:
            return Deadline.after(int(asked_ms) / 1000, full=False)
        return Deadline.after(full)

    async def aclose(self) -> None:
        for upstream in self.upstreams.values():
            await upstream.aclose()


def gateway_of(platform: "Platform") -> Gateway:
    return cast(Gateway, platform.state["gateway"])
