"""Work that grows with the input gives the event loop its turn: nobody else waits for all of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


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
