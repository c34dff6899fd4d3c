"""The services behind the gateway, as this process keeps them: a client for each, and what is known of it."""

from services.gateway.settings import Settings
from services.gateway.upstreams.client import Deadline, Upstream
from services.gateway.upstreams.monitor import Monitor
from shared.errors import Malformed
from shared.wiring import Kept, Wiring

_DIGITS = 9


class Upstreams:
    def __init__(self, settings: Settings) -> None:
        self.clients = {
            name: Upstream(name, url, max_in_flight=settings.upstream_in_flight)
            for name, url in settings.upstream_urls().items()
        }
        self.monitor = Monitor(self.clients, every=settings.monitor_seconds, stale=settings.stale_seconds)
        self._seconds = settings.request_seconds

    def deadline(self, asked_ms: str | None) -> Deadline:
        """The deadline of one request: the setting's, or sooner when the client asks for it. Raises Malformed."""
        full = self._seconds
        if asked_ms is None:
            return Deadline.after(full)
        if not (asked_ms.isascii() and asked_ms.isdecimal() and len(asked_ms) <= _DIGITS):
            zh, en = f"应为毫秒数，最多 {_DIGITS} 位", f"Needs to be milliseconds, at most {_DIGITS} digits"
            raise Malformed("deadline", zh=f"X-Request-Deadline-Ms {zh}", en=f"X-Request-Deadline-Ms: {en}")
        milliseconds = int(asked_ms)
        return Deadline.after(full) if milliseconds >= full * 1000 else Deadline.after(milliseconds / 1000, full=False)

    async def aclose(self) -> None:
        for client in self.clients.values():
            await client.aclose()


UPSTREAMS: Kept[Wiring, Upstreams] = Kept(lambda wiring: Upstreams(wiring.settings_as(Settings)))
