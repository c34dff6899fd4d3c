"""Whose tokens end before they expire: who was revoked, since when, in every process within a second.

The gateway writes its row when an account is revoked; the other services apply `PrincipalRevoked`. Processes learn of a
row as they do of stale hot answers (`TAG`), and ask memory only.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from shared.bus.envelope import Received
from shared.bus.subscription import Subscription
from shared.db import tables
from shared.db.sql import upsert
from shared.db.uow import UnitOfWork
from shared.events.gateway import PrincipalRevoked
from shared.wiring import Wiring

TAG = "principals"
TABLE = tables.revoked_principal.name


class Revocations:
    """What this process knows. `since` gives seconds since the epoch, or None for who was not revoked."""

    def __init__(self) -> None:
        self._since: Mapping[str, float] = {}
        self._changed = asyncio.Event()

    def since(self, principal: str) -> float | None:
        return self._since.get(principal)

    def changed(self) -> None:
        """Something was written; `run` reads it."""
        self._changed.set()

    async def load(self, wiring: Wiring) -> None:
        table = tables.revoked_principal
        async with wiring.read() as session:
            rows = (await session.execute(select(table.c.principal, table.c.not_before))).all()
        self._since = {principal: not_before.timestamp() for principal, not_before in rows}

    async def run(self, wiring: Wiring) -> None:
        """Until cancelled. What failed to load is loaded when the supervisor starts this again."""
        while True:
            self._changed.clear()
            await self.load(wiring)
            await self._changed.wait()


async def revoke(uow: UnitOfWork, revoked: Mapping[str, datetime]) -> None:
    """Store principals with the instant before which their tokens are void."""
    rows = [{"principal": principal, "not_before": at} for principal, at in sorted(revoked.items())]
    await upsert(uow.session, tables.revoked_principal, rows, key=["principal"])
    uow.invalidate(TAG)


async def _apply(uow: UnitOfWork, events: Sequence[Received[PrincipalRevoked]]) -> None:
    await revoke(uow, {event.data.principal: event.data.not_before for event in events})


SUBSCRIPTION = Subscription(PrincipalRevoked, _apply)
