"""How long the event loop's thread works at a stretch, in CPU seconds: load on the machine does not count."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class Stretch:
    """The longest time of work of the thread between two turns of the loop."""

    longest: float = 0.0
    turns: int = 0


@asynccontextmanager
async def watched() -> AsyncIterator[Stretch]:
    """Measure while the block runs. The watchdog takes a turn each time the loop comes round, so what it sees between
    two of its turns is one round of callbacks: several tasks in one round count together, and a bound still holds."""
    found = Stretch()
    ending = False

    async def watch() -> None:
        last = time.thread_time()
        while not ending:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            found.longest, found.turns = max(found.longest, now - last), found.turns + 1
            last = now

    task = asyncio.create_task(watch())
    try:
        yield found
    finally:
        ending = True
        await task
