"""What everything in a running service takes: its name, settings, clock, database, bus and cache."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar, cast

from shared.auth.principal import system
from shared.bus.opening import open_bus
from shared.bus.protocol import EventBus
from shared.clock import Clock, SystemClock
from shared.consequences import Consequences, Refreshers
from shared.db.engine import Database
from shared.db.session import AsyncSession
from shared.hotcache import HotCache
from shared.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)


class Wiring:
    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        consequences: Consequences | None = None,
        refreshers: Refreshers | None = None,
        bus: EventBus | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.consequences: Consequences = consequences or {}
        self.refreshers: Refreshers = refreshers or {}
        self.clock: Clock = clock or SystemClock()
        self.db = Database(settings.resolved_database_url(name))
        self.bus: EventBus = bus or open_bus(settings.resolved_bus_url())
        self.owns_bus = bus is None
        self.principal = system(name)
        self.outbox_written = asyncio.Event()
        self.hot_cache = HotCache()
        self.failing: dict[str, str] = {}
        """Background tasks that are down, with the reason; `/readyz` is red while there is one."""
        self.kept: dict[Kept[Any, Any], Any] = {}

    def settings_as(self, kind: type[S]) -> S:
        """The settings in the service's own class. Raises `TypeError` when it was started with those of another."""
        if not isinstance(self.settings, kind):
            raise TypeError(f"{self.name} runs with {type(self.settings).__name__}, expected {kind.__name__}")
        return self.settings

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.db.read()


W = TypeVar("W", bound=Wiring)
T = TypeVar("T")


class Kept(Generic[W, T]):
    """One thing of a running service, made when it is first asked for and kept until the process ends (clients,
    coalescers): `STORE = Kept(lambda platform: open_store(platform.settings))`, then `STORE.of(platform)`."""

    def __init__(self, make: Callable[[W], T]) -> None:
        self._make = make

    def of(self, wiring: W) -> T:
        if self not in wiring.kept:
            wiring.kept[self] = self._make(wiring)
        return cast(T, wiring.kept[self])
