"""Asks every upstream each second whether it lives, and knows up to when the gateway has all its events."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import httpx
import orjson

from services.gateway.upstreams.client import Upstream
from shared.bus.progress import Standing
from shared.clock import Clock
from shared.events.base import topic_of

if TYPE_CHECKING:
    from shared.platform import Platform

State = Literal["up", "degraded", "down", "unknown"]
TAG = "freshness:"
"""`freshness:<service>`: hot answers with it are dropped when the service comes or goes."""


@dataclass
class Seen:
    """What is known of one upstream."""

    state: State = "unknown"
    last_contact: datetime | None = None
    whole_at: datetime | None = None
    """Up to when all its events are applied here."""
    caught_up_at: datetime | None = None
    """Everything that its topic held then is applied here."""
    outbox_pending: int | None = None
    outbox_oldest_seconds: float | None = None
    lag_records: int | None = None
    detail: str | None = None

    def know_nothing_after(self, now: datetime) -> None:
        """The clock was set back: a time in the future would be taken for freshness until it comes."""
        self.whole_at = min(self.whole_at, now) if self.whole_at is not None else None
        self.caught_up_at = min(self.caught_up_at, now) if self.caught_up_at is not None else None


class Monitor:
    def __init__(self, upstreams: dict[str, Upstream], *, every: float, stale: float) -> None:
        self._upstreams = upstreams
        self._every, self._stale = every, stale
        self.seen = {name: Seen() for name in upstreams}
        self._current = dict.fromkeys(upstreams, False)
        """As of the last look, which the hot answers follow."""

    async def run(self, platform: "Platform") -> None:
        while True:
            await self.look(platform)
            await asyncio.sleep(self._every)

    async def look(self, platform: "Platform") -> None:
        """Ask all upstreams once, at the same time, each for at most as long as the time between two looks."""
        for seen in self.seen.values():
            seen.know_nothing_after(platform.clock.now())
        ours = await self._progress(platform)
        await asyncio.gather(
            *(
                self._ask(upstream, platform.clock, ours.get(topic_of(upstream.name)))
                for upstream in self._upstreams.values()
            )
        )
        now = platform.clock.now()
        current = {name: self.current(name, now) for name in self.seen}
        turned = [TAG + name for name in self.seen if current[name] != self._current[name]]
        self._current = current
        if turned:
            platform.hot_cache.invalidate(turned)

    async def _progress(self, platform: "Platform") -> dict[str, Standing]:
        """How far we are; nothing while the bus is away: then nothing new is known and the parts grow old."""
        try:
            async with asyncio.timeout(max(1.0, self._every)):
                return await platform.consumer.progress()
        except (OSError, TimeoutError):
            return {}

    async def _ask(self, upstream: Upstream, clock: Clock, ours: Standing | None) -> None:
        seen = self.seen[upstream.name]
        seen.lag_records = ours.waiting if ours else None
        seen.caught_up_at = (ours.whole_at if ours else None) or seen.caught_up_at
        begun = time.monotonic()
        try:
            status, body = await upstream.ready(timeout=max(0.5, self._every))
        except TimeoutError:
            seen.detail = "timeout"
            return  # slow is not dead: it is stale when this goes on
        except (httpx.HTTPError, OSError) as error:
            seen.state, seen.detail = "down", type(error).__name__
            return
        if status == 200:
            upstream.breaker.look(begun)
        now = clock.now()
        seen.last_contact = now
        seen.state = "up" if status == 200 else "degraded"
        self._read(seen, body, now)

    def _read(self, seen: Seen, body: bytes, now: datetime) -> None:
        try:
            report: dict[str, Any] = orjson.loads(body)
        except orjson.JSONDecodeError:
            report = {}
        seen.outbox_pending = report.get("outbox_pending")
        seen.outbox_oldest_seconds = report.get("outbox_oldest_seconds")
        seen.detail = "; ".join(f"{name}: {why}" for name, why in (report.get("reasons") or {}).items()) or None
        waiting = timedelta(seconds=seen.outbox_oldest_seconds or 0.0)
        if seen.caught_up_at is not None:
            whole = min(now - waiting, seen.caught_up_at)
            seen.whole_at = max(whole, seen.whole_at or whole)

    def current(self, name: str, now: datetime) -> bool:
        seen = self.seen[name]
        fresh = seen.whole_at is not None and (now - seen.whole_at).total_seconds() <= self._stale
        return fresh and seen.state != "down"
