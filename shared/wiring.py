"""What everything in a running service takes: its name, settings, clock, database, bus and cache."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from shared.auth.principal import system
from shared.bus.opening import open_bus
from shared.bus.protocol import EventBus
from shared.clock import Clock, SystemClock
from shared.consequences import Consequences, Refreshers
from shared.db.engine import Database
from shared.db.session import AsyncSession
from shared.hotcache import HotCache
from shared.settings import ServiceSettings


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
        self.state: dict[str, Any] = {}
        """What the service keeps for itself in this process (clients, coalescers)."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.db.read()
