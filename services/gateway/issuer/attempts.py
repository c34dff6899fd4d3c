"""Attempts to get a token: checked and counted in one step, so that many at once are no more than the limit.

Who failed too often is locked out as a pair of name and address: nobody can lock a name out for its owner. Attempts for
a name that fails from everywhere are slowed, except from an address that has had a token for it.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from services.gateway.issuer.rules import Throttle, slowed
from shared.counting import less
from shared.wiring import Kept, Wiring

_AT_ONCE = 4
"""Attempts of one address that are tried at the same time: each takes 40 ms of CPU and 16 MiB."""
_WAITING = 32
"""Attempts of one address that wait for that."""
_KNOWN = 10_000


class TooOften(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = max(1, round(seconds))


class Attempt(Protocol):
    def right(self) -> None: ...
    def wrong(self) -> None: ...


class Attempts:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._from, self._for = Throttle(free=3), Throttle(free=50)
        self._known: OrderedDict[str, None] = OrderedDict()
        """Pairs that have had a token."""
        self._pairs: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._ended = asyncio.Event()

    @asynccontextmanager
    async def one(self, name: str, address: str) -> AsyncIterator[Attempt]:
        """A place to try one secret; say on it how it ended. Raises TooOften."""
        pair = f"{name}@{address}"
        await self._enter(pair, address)
        try:
            if pair not in self._known:
                await asyncio.sleep(slowed(self._for.failures(name, self._now())))
            yield _Attempt(self, pair, name)
        finally:
            less(self._pairs, pair)
            less(self._addresses, address)
            self._ended.set()
            self._ended = asyncio.Event()

    async def _enter(self, pair: str, address: str) -> None:
        while True:
            now = self._now()
            wait = self._from.wait(pair, now)
            if wait > 0:
                raise TooOften(wait)
            if self._pairs[pair] < self._from.left(pair, now) and self._addresses[address] < _AT_ONCE:
                self._pairs[pair] += 1
                self._addresses[address] += 1
                return
            if self._waiting[address] >= _WAITING:
                raise TooOften(1)
            self._waiting[address] += 1
            try:
                await self._ended.wait()
            finally:
                less(self._waiting, address)

    def right(self, pair: str) -> None:
        self._from.succeeded(pair)
        self._known.pop(pair, None)
        self._known[pair] = None
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    def wrong(self, pair: str, name: str) -> None:
        now = self._now()
        self._from.failed(pair, now)
        self._for.failed(name, now)


class _Attempt:
    def __init__(self, attempts: Attempts, pair: str, name: str) -> None:
        self._attempts, self._pair, self._name = attempts, pair, name

    def right(self) -> None:
        self._attempts.right(self._pair)

    def wrong(self) -> None:
        self._attempts.wrong(self._pair, self._name)


ATTEMPTS: Kept[Wiring, Attempts] = Kept(lambda _: Attempts())
