"""What tells one service from another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from shared.bus.protocol import EventBus
from shared.bus.subscription import Subscription
from shared.clock import Clock
from shared.consequences import Consequences, Refreshers
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web.hot import HotRoute
from shared.web.hot_writes import HotWrite
from shared.web.limits import Limit

Background = Callable[[Platform], Awaitable[None]]


@dataclass(frozen=True)
class ServiceSpec:
    """What tells one service from another. `on_start` runs once before requests are taken; `on_stop` after the last;
    `background` tasks run until the end and are started again when they fail.
    """

    name: str
    title: str = ""
    public: bool = False
    """Whether clients outside reach it: then nobody without a right is told how it is inside."""
    routers: Sequence[APIRouter] = ()
    subscriptions: Sequence[Subscription] = ()
    projection_tables: Sequence[str] = ()
    """In an order in which rows may be deleted."""
    consequences: Consequences = field(default_factory=dict)
    """What follows in other domains from a message."""
    refreshers: Refreshers = field(default_factory=dict)
    """What follows, once for each subject and transaction, from a touch."""
    limits: Sequence[Limit] = ()
    """Requests a second; the first that fits a request counts."""
    hot: Sequence[HotRoute] = ()
    hot_writes: Sequence[HotWrite] = ()
    background: Sequence[Background] = ()
    on_start: Sequence[Background] = ()
    on_stop: Sequence[Background] = ()
    state: dict[str, Any] = field(default_factory=dict)

    def platform(
        self, settings: ServiceSettings, *, bus: EventBus | None = None, clock: Clock | None = None
    ) -> Platform:
        return Platform(
            self.name,
            settings,
            subscriptions=self.subscriptions,
            projection_tables=self.projection_tables,
            state=self.state,
            consequences=self.consequences,
            refreshers=self.refreshers,
            bus=bus,
            clock=clock,
        )
