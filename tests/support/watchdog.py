"""How long the event loop's thread works at a stretch, in CPU seconds: load on the machine does not count.

Even those become longer beside a neighbour that shares caches and memory with us, so they are counted in those of a
machine at rest: a fixed piece of work before and after tells how much slower this one is now.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

AS_SERVED = (700, 10, 10)
"""Python's own thresholds of the collector."""
PIECE_SECONDS = 0.003
"""What the piece of work takes on two cores at rest (Xeon, Python 3.11.7)."""


def pace() -> float:
    """How many times slower than a machine at rest; 1 where this one is faster."""
    took = []
    for _ in range(3):
        started = time.thread_time()
        made = [{"number": number, "text": str(number)} for number in range(20_000)]
        took.append(time.thread_time() - started)
        del made
    return max(1.0, min(took) / PIECE_SECONDS)


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

    rarely = gc.get_threshold()
    gc.set_threshold(*AS_SERVED)  # the run collects rarely, and much at once (tests/conftest.py)
    slower = pace()
    task = asyncio.create_task(watch())
    try:
        yield found
    finally:
        ending = True
        await task
        gc.set_threshold(*rarely)
        found.longest /= max(slower, pace())
