"""What a domain declares, and what tells one service from another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import APIRouter
from starlette.routing import BaseRoute

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


D = TypeVar("D")


@dataclass(frozen=True)
class Domain:
    """What one domain of a service declares, in its `domain.py`; its tables are found in its `models.py`.

    `on_start` runs once before requests are taken, `on_stop` after the last; `background` tasks run until the end and
    are started again when they fail.
    """

    name: str
    """As its folder."""
    routers: Sequence[APIRouter] = ()
    subscriptions: Sequence[Subscription] = ()
    projection_tables: Sequence[str] = ()
    """What its projection handlers write, in an order in which rows may be deleted."""
    hot: Sequence[HotRoute] = ()
    hot_writes: Sequence[HotWrite] = ()
    background: Sequence[Background] = ()
    on_start: Sequence[Background] = ()
    on_stop: Sequence[Background] = ()


@dataclass(frozen=True)
class ServiceSpec:
    """What tells one service from another. `domains` stand in the order of their layers, the lowest first: none reads
    what stands after it, and of two handlers of one event that of the lower runs first."""

    name: str
    domains: Sequence[Domain] = ()
    title: str = ""
    public: bool = False
    """Whether clients outside reach it: then nobody without a right is told how it is inside."""
    consequences: Consequences = field(default_factory=dict)
    """What follows in other domains from a message."""
    refreshers: Refreshers = field(default_factory=dict)
    """What follows, once for each subject and transaction, from a touch."""
    limits: Sequence[Limit] = ()
    """Requests a second; the first that fits a request counts."""

    def of_domains(self, part: Callable[[Domain], Sequence[D]]) -> list[D]:
        return [each for domain in self.domains for each in part(domain)]

    @property
    def subscriptions(self) -> list[Subscription]:
        return self.of_domains(lambda domain: domain.subscriptions)

    @property
    def projection_tables(self) -> list[str]:
        return self.of_domains(lambda domain: domain.projection_tables)

    @property
    def hot(self) -> list[HotRoute]:
        return self.of_domains(lambda domain: domain.hot)

    @property
    def background(self) -> list[Background]:
        return self.of_domains(lambda domain: domain.background)

    @property
    def routes(self) -> list[BaseRoute]:
        """An address that ends with anything stands after all others, that with the longest beginning first: it would
        take theirs."""
        routes = [route for router in self.of_domains(lambda domain: domain.routers) for route in router.routes]
        return sorted(routes, key=_breadth)

    def platform(
        self, settings: ServiceSettings, *, bus: EventBus | None = None, clock: Clock | None = None
    ) -> Platform:
        return Platform(
            self.name,
            settings,
            subscriptions=self.subscriptions,
            projection_tables=self.projection_tables,
            consequences=self.consequences,
            refreshers=self.refreshers,
            bus=bus,
            clock=clock,
        )


def _breadth(route: BaseRoute) -> tuple[bool, int]:
    path = str(getattr(route, "path", ""))
    return (True, -len(path.partition("{")[0])) if path.endswith(":path}") else (False, 0)
