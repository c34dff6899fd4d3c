"""What a running service consists of: settings, database, bus, clock, consumer, relay, verifier, hot cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import context
from shared.auth import revocations
from shared.auth.principal import Principal, system
from shared.auth.revocations import Revocations
from shared.auth.tokens import TokenVerifier
from shared.bus.consumer import Consumer
from shared.bus.epochs import epoch_of, in_epoch
from shared.bus.opening import open_bus
from shared.bus.protocol import EventBus
from shared.bus.relay import Relay
from shared.bus.subscription import Subscription
from shared.clock import Clock, SystemClock
from shared.coalesce import Coalescer
from shared.db.engine import Database
from shared.db.uow import UnitOfWork
from shared.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.requests import Request

    from shared.db.session import AsyncSession
    from shared.web.hot import HotRoute
    from shared.web.hot_writes import HotWrite
    from shared.web.limits import Limit

Background = Callable[["Platform"], Awaitable[None]]


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
    limits: Sequence[Limit] = ()
    """Requests a second; the first that fits a request counts."""
    hot: Sequence[HotRoute] = ()
    hot_writes: Sequence[HotWrite] = ()
    background: Sequence[Background] = ()
    on_start: Sequence[Background] = ()
    on_stop: Sequence[Background] = ()
    state: dict[str, Any] = field(default_factory=dict)


class Platform:
    def __init__(
        self, spec: ServiceSpec, settings: ServiceSettings, *, bus: EventBus | None = None, clock: Clock | None = None
    ) -> None:
        from shared.web.hot import HotCache  # shared.web needs this module

        self.spec = spec
        self.name = spec.name
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.db = Database(settings.resolved_database_url(spec.name))
        self.bus: EventBus = bus or open_bus(settings.resolved_bus_url())
        self.owns_bus = bus is None
        self.principal = system(spec.name)
        self.outbox_written = asyncio.Event()
        self.hot_cache = HotCache()
        self.revocations = Revocations()
        self.hot_cache.watch(revocations.TAG, self.revocations.changed)
        self.verifier = TokenVerifier(
            issuer=settings.issuer,
            audience=settings.audience,
            jwks=settings.resolved_jwks(),
            clock=self.clock,
            revoked_since=self.revocations.since,
        )
        self.consumer = Consumer(self, spec.subscriptions)
        self.relay = Relay(self)
        self.failing: dict[str, str] = {}
        """Background tasks that are down, with the reason; `/readyz` is red while there is one."""
        self.state: dict[str, Any] = dict(spec.state)
        """What the service keeps for itself in this process (clients, coalescers)."""
        self._reads: Coalescer[dict[str, Any], None] = Coalescer(self, _write_reads)

    async def start_bus(self) -> None:
        """Once, before anything is sent or read: the log's epoch stands in the service's own database."""
        async with self.read() as session:
            self.bus = in_epoch(self.bus, await epoch_of(session))
        if self.owns_bus:
            await self.bus.start()

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.db.read()

    def unit_of_work(self, principal: Principal) -> UnitOfWork:
        return UnitOfWork(self, principal)

    def system_unit_of_work(self) -> UnitOfWork:
        """For what the platform does by itself: consumers, clocks, background tasks."""
        return UnitOfWork(self, self.principal)

    async def audit_read(self, principal: Principal, request: Request) -> None:
        """Record a read of non-public data before it is answered."""
        await self._reads.submit(
            {
                "principal": principal,
                "trace": context.current.get(),
                "subject": request.url.path,
                "query": request.url.query,
                "purpose": request.headers.get("purpose"),
            }
        )


async def _write_reads(uow: UnitOfWork, reads: Sequence[dict[str, Any]]) -> Sequence[None]:
    for read in reads:
        uow.principal = read["principal"]
        with context.of(read["trace"]):
            uow.audit("read", subject=read["subject"], detail={"query": read["query"]}, purpose=read["purpose"])
    return [None] * len(reads)
