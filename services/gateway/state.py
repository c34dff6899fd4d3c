"""What one gateway process keeps beside its platform."""

from typing import TYPE_CHECKING, Any, cast

from services.gateway.issuer.attempts import Attempts
from services.gateway.issuer.service import key_file
from services.gateway.scans.log import ScanLog
from services.gateway.settings import Settings
from services.gateway.upstreams.client import Deadline, Upstream
from services.gateway.upstreams.monitor import Monitor
from shared.errors import Malformed

if TYPE_CHECKING:
    from shared.platform import Platform

_DIGITS = 9


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
        self.attempts = Attempts()
        self.documents: dict[str, dict[str, Any]] = {}
        """OpenAPI documents of the upstreams, as far as they could be had."""

    def deadline(self, asked_ms: str | None) -> Deadline:
        """The deadline of one request: the setting's, or sooner when the client asks for it. Raises Malformed."""
        full = self.settings.request_seconds
        if asked_ms is None:
            return Deadline.after(full)
        if not (asked_ms.isascii() and asked_ms.isdecimal() and len(asked_ms) <= _DIGITS):
            zh, en = f"应为毫秒数，最多 {_DIGITS} 位", f"Needs to be milliseconds, at most {_DIGITS} digits"
            raise Malformed("deadline", zh=f"X-Request-Deadline-Ms {zh}", en=f"X-Request-Deadline-Ms: {en}")
        milliseconds = int(asked_ms)
        return Deadline.after(full) if milliseconds >= full * 1000 else Deadline.after(milliseconds / 1000, full=False)

    async def aclose(self) -> None:
        for upstream in self.upstreams.values():
            await upstream.aclose()


def gateway_of(platform: "Platform") -> Gateway:
    return cast(Gateway, platform.state["gateway"])
