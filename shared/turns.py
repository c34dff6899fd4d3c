"""Work that grows with the input gives the event loop its turn: nobody else waits for all of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
_FEW = 200


async def aside(size: int, work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """`work(*arguments, **named)`, in a thread when it has to do with more than a few items: a thread costs as much as
    they."""
    return work(*arguments, **named) if size <= _FEW else await asyncio.to_thread(work, *arguments, **named)


def let_go(*many: list[Any]) -> None:
    """Frees items one by one, for a thread: all at once, at the end of a function, they hold everybody up."""
    for each in many:
        while each:
            each.pop()


async def in_turns(items: Iterable[T], every: int = 100) -> AsyncIterator[T]:
    """The items; after `every` of them the event loop has a turn."""
    for number, item in enumerate(items, 1):
        yield item
        if not number % every:
            await asyncio.sleep(0)


async def in_slices(items: Sequence[T], size: int) -> AsyncIterator[Sequence[T]]:
    """The items, `size` at a time, with a turn of the event loop between."""
    for start in range(0, len(items), size):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + size]
