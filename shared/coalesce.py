"""One write path for one and many: requests that arrive beside each other share one transaction.

The first starts a batch; those that come while a batch is written wait for the next. So an idle service adds no delay,
and a busy one writes few, large transactions. On PostgreSQL a second transaction runs beside the first once enough
wait for it: the process does not idle while the database works.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from shared.auth.principal import Principal
from shared.db.faults import fault_of
from shared.db.uow import UnitOfWork
from shared.errors import Unavailable
from shared.wiring import Wiring

T = TypeVar("T")
R = TypeVar("R")
_WORTH_A_SECOND = 8
"""So many share the cost of a transaction that runs beside another; fewer wait for that one's end."""


class Coalescer(Generic[T, R]):
    """`handle(uow, items)` returns one result for each item, in order; a result that is an exception is raised to its
    caller alone. `uow.principal` is the system: `handle` takes the real principal from its item.

    When the shared transaction fails as a whole, each item is tried by itself, so that one cannot spoil the others.
    """

    def __init__(
        self,
        wiring: Wiring,
        handle: Callable[[UnitOfWork, Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        limit: int = 500,
    ) -> None:
        self._wiring = wiring
        self._handle = handle
        self._limit = limit
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running = 0
        self._most = 1 if wiring.db.is_sqlite else 2
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, item: T) -> R:
        """Returns after the commit that holds the item."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if not self._running or (self._running < self._most and len(self._waiting) >= _WORTH_A_SECOND):
            self._running += 1
            # A context of its own: what is written belongs to many requests, not to the one that came first.
            task = asyncio.create_task(self._drain(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _drain(self) -> None:
        try:
            # One turn of the loop lets requests that are already in the socket join the first batch.
            await asyncio.sleep(0)
            # Whoever leaves a few behind leaves them to the other: counted down in the same turn, one always stays.
            while self._waiting and (self._running == 1 or len(self._waiting) >= _WORTH_A_SECOND):
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._settle(batch)
        finally:
            self._running -= 1

    async def _settle(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            await self._write(batch)
        except Exception as error:
            if len(batch) == 1 or fault_of(error) is not None:  # the storage refuses each of them
                for _, future in batch:
                    _settle(future, error)
                return
            for pair in batch:
                await self._settle([pair])
        except BaseException:
            # Whoever ends this task (a library that cancels what it waits for) leaves nobody waiting for ever.
            for _, future in batch:
                _settle(future, _cut_off())
            raise

    async def _write(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        async with UnitOfWork(self._wiring, self._principal()) as uow:
            results = await self._handle(uow, [item for item, _ in batch])
        for (_, future), result in zip(batch, results, strict=True):
            _settle(future, result)

    def _principal(self) -> Principal:
        return self._wiring.principal


def _cut_off() -> Unavailable:
    return Unavailable(zh="写入被中断，请重试", en="The write was cut off; try again")


def _settle(future: "asyncio.Future[R]", result: R | Exception) -> None:
    if future.done():  # the caller went away
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
