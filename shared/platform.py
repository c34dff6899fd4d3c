"""A running service: its wiring, and what works on it: consumer, relay, verifier of tokens."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from shared import context
from shared.auth import revocations
from shared.auth.principal import Principal
from shared.auth.revocations import Revocations
from shared.auth.tokens import TokenVerifier
from shared.bus.consumer import Consumer
from shared.bus.epochs import epoch_of, in_epoch
from shared.bus.protocol import EventBus
from shared.bus.relay import Relay
from shared.bus.subscription import Subscription
from shared.clock import Clock
from shared.coalesce import Coalescer
from shared.consequences import Consequences, Refreshers
from shared.db.uow import UnitOfWork
from shared.settings import ServiceSettings
from shared.wiring import Wiring


class Platform(Wiring):
    """`projection_tables` in an order in which rows may be deleted."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        subscriptions: Sequence[Subscription] = (),
        projection_tables: Sequence[str] = (),
        consequences: Consequences | None = None,
        refreshers: Refreshers | None = None,
        bus: EventBus | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name, settings, consequences=consequences, refreshers=refreshers, bus=bus, clock=clock)
        self.subscriptions = subscriptions
        self.projection_tables = projection_tables
        self.revocations = Revocations()
        self.hot_cache.watch(revocations.TAG, self.revocations.changed)
        self.verifier = TokenVerifier(
            issuer=settings.issuer,
            audience=settings.audience,
            jwks=settings.resolved_jwks(),
            clock=self.clock,
            revoked_since=self.revocations.since,
        )
        self.consumer = Consumer(self, subscriptions)
        self.relay = Relay(self)
        self._reads: Coalescer[dict[str, Any], None] = Coalescer(self, _write_reads)

    async def start_bus(self) -> None:
        """Once, before anything is sent or read: the log's epoch stands in the service's own database."""
        async with self.read() as session:
            self.bus = in_epoch(self.bus, await epoch_of(session))
        if self.owns_bus:
            await self.bus.start()

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
