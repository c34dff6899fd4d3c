"""A real app on a migrated database, for tests: its lifespan runs, tokens are verified, events go over a memory bus."""

import asyncio
import os
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.types import ASGIApp

from shared.bus import Record
from shared.bus.envelope import Envelope, to_record
from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.events.base import Event, topic_of
from shared.ids import uuid7
from shared.platform import Platform
from shared.settings import ServiceSettings
from tests.support.callers import AUDIENCE, ISSUER, department, enterprise, public, staff, write_jwks
from tests.support.client import Client
from tests.support.databases import Backend, Onlooker
from tests.support.lifespan import Lifespan

__all__ = ["NOW", "Harness", "department", "enterprise", "public", "running", "staff"]

E = TypeVar("E", bound=Event)
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, a Tuesday."""
SECONDS = 20.0
"""How long a test waits for what must happen, before it fails."""


class Harness(Client):
    """A client of the running app that can also be the rest of the world."""

    def __init__(self, app: ASGIApp, platform: Platform, bus: MemoryBus, clock: FixedClock) -> None:
        super().__init__(app, clock)
        self.app = app
        self.platform = platform
        self.bus = bus
        self.clock = clock
        self.may_fail = False
        """Set by a test that breaks a background task on purpose."""
        self._onlooker: Onlooker | None = None
        self._sequences: defaultdict[tuple[str, str], int] = defaultdict(int)

    async def deliver(self, *events: Event, wait: bool = True) -> None:
        """Publish events as their services would, and return when this service has applied them.

        Raises `AssertionError` when one of them ended as a dead letter, or when nobody here listens to it.
        """
        records = [self.record(event) for event in events]
        listened = {subscription.event.type for subscription in self.platform.subscriptions}
        deaf = {event.type for event in events} - listened
        assert not deaf or not wait, f"{self.platform.name} does not subscribe to {sorted(deaf)}"
        await self.bus.publish(records)
        if wait:
            for source, key in {(event.publisher(), event.key) for event in events}:
                await self._applied(source, key, self._sequences[source, key])
            # The commit can be seen before this process has dropped its hot answers; another process reads the table.
            await self.platform.hot_cache.follow(self.platform.db)

    def record(self, event: Event) -> Record:
        """The next record of the event's key, in the envelope that its publisher would use."""
        self._sequences[event.publisher(), event.key] += 1
        envelope = Envelope(
            id=uuid7(),
            type=event.type,
            source=event.publisher(),
            key=event.key,
            sequence=self._sequences[event.publisher(), event.key],
            time=self.clock.now(),
            data=event.model_dump_json().encode(),
        )
        return to_record(topic_of(event.publisher()), envelope)

    def published(self, kind: type[E]) -> list[E]:
        """Bodies of this type in the outbox, oldest first: what was committed, sent or not."""
        rows = self.rows("SELECT data FROM outbox WHERE type = $1 ORDER BY position", kind.type)
        return [kind.model_validate_json(bytes(data)) for (data,) in rows]

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one statement with `$1` parameters, in a transaction of its own."""
        url = self.platform.db.url
        if self.platform.db.is_sqlite:
            with closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)) as connection:
                named = {str(number): value for number, value in enumerate(parameters, 1)}
                return connection.execute(sql, named).fetchall()
        if self._onlooker is None:
            self._onlooker = Onlooker(url.set(drivername="postgresql").render_as_string(hide_password=False))
        return self._onlooker.rows(sql, *parameters)

    async def close(self) -> None:
        await super().close()
        if self._onlooker is not None:
            self._onlooker.close()

    async def until(self, holds: Callable[[], bool], what: str = "what was waited for") -> None:
        """Wait for something that must come true; fails after twenty seconds."""
        try:
            async with asyncio.timeout(SECONDS):
                while not holds():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(
                f"{what} did not happen within {SECONDS:.0f} s; down: {self.platform.failing}"
            ) from None

    async def settled(self) -> None:
        """Wait until everything in the outbox is on the bus."""
        await self.until(
            lambda: self.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)], "the relay's work"
        )

    async def _applied(self, source: str, key: str, sequence: int) -> None:
        place = "source = $1 AND key = $2"

        def holds() -> bool:
            dead = self.rows(
                f"SELECT type, sequence, error FROM dead_letter WHERE {place} AND state = 'failed'", source, key
            )
            assert not dead, f"dead letter: {dead}"
            ((last,),) = self.rows(f"SELECT max(sequence) FROM inbox WHERE {place}", source, key)
            return last is not None and last >= sequence

        await self.until(holds, f"{source} event {sequence} of {key}")


@asynccontextmanager
async def running(
    create_app: Callable[..., ASGIApp],
    settings_class: Callable[..., ServiceSettings],
    backend: Backend,
    *,
    bus: MemoryBus | None = None,
    clock: FixedClock | None = None,
    url: str | None = None,
    **settings: Any,
) -> AsyncIterator[Harness]:
    """Start the app of one service on a fresh database of `backend`; it is stopped on leaving.

    `settings` are the service's own. `url` is a database that an earlier run of the same test left (restarts).
    """
    service = create_app.__module__.split(".")[1]
    clock = clock or FixedClock(NOW)
    bus = bus or MemoryBus(clock)
    given: dict[str, Any] = {
        "data_dir": backend.folder,
        "database_url": url or backend.url(service),
        "bus_url": "memory:",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks": str(write_jwks(backend.folder / "test-jwks.json")),
        "log_level": "warning",
    }
    app = create_app(settings_class(**{**given, **settings}), bus=bus, clock=clock)
    harness = Harness(app, platform_of(app), bus, clock)
    try:
        async with Lifespan(app):
            yield harness
            if not harness.may_fail:
                assert not harness.platform.failing, f"background tasks are down: {harness.platform.failing}"
    finally:
        await harness.close()


def platform_of(app: Any) -> Platform:
    """The platform of a built app, under whatever raw ASGI stands in front."""
    while app is not None:
        platform = getattr(app, "platform", None) or getattr(getattr(app, "state", None), "platform", None)
        if isinstance(platform, Platform):
            return platform
        app = getattr(app, "app", None) or getattr(app, "_app", None)
    raise AssertionError("the app holds no platform")


# The shell of a developer must not decide what a test sees.
for _name in [name for name in os.environ if name.startswith("PINZHI_")]:
    if _name not in {"PINZHI_TEST_POSTGRES", "PINZHI_REFERENCE"}:
        del os.environ[_name]
