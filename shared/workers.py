"""A worker does what is stored to be done, step by step, until nothing is left; then it waits to be woken.

Who stores work in this process wakes it (`uow.after_commit(wake(wiring, name).set)`); what another process stored, or
a kill left behind, is found by a look now and then.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shared.wiring import Kept, Wiring

_EVENTS: Kept[Wiring, defaultdict[str, asyncio.Event]] = Kept(lambda _: defaultdict(asyncio.Event))


def wake(wiring: Wiring, name: str) -> asyncio.Event:
    """Set when work for the worker of this name was stored in this process."""
    return _EVENTS.of(wiring)[name]


async def run(wiring: Wiring, name: str, step: Callable[[], Awaitable[bool]]) -> None:
    """Until cancelled. `step` does one piece, and says whether it found something to do."""
    woken = wake(wiring, name)
    while True:
        woken.clear()  # before the look: what is stored meanwhile wakes it again
        if await step():
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(wiring.settings.poll_seconds):
                await woken.wait()
