"""The worker that finds the holders of a large recall, a slice of its lots in each transaction: a kill loses none and
counts none twice. A lot whose holders cannot be found holds up no other, of its own recall or of another one.
"""

import asyncio
from collections.abc import Sequence

from services.traceability.recalls import reach, repository, uncounted
from shared import failpoints, workers
from shared.db.errors import is_transient
from shared.web import Platform

REST_SECONDS = 60.0
"""A lot that failed is left alone for so long, and tried again: its holders are owed a notice."""
_START = ("", 0)


async def count_worker(platform: Platform) -> None:
    after = _START
    resting: dict[tuple[str, str], float] = {}
    now = asyncio.get_running_loop().time

    async def step() -> bool:
        nonlocal after
        waiting = await _waiting(platform, after)
        if not waiting:
            began, after = after == _START, _START
            return not began  # at the end from the beginning again
        recall_id, _, _ = waiting[0]
        slice_ = [row for row in waiting if row[0] == recall_id]
        after = (recall_id, slice_[-1][1])
        lots = [lot_id for _, _, lot_id in slice_ if resting.get((recall_id, lot_id), 0) <= now()]
        failed = await _count(platform, recall_id, lots)
        for key in [key for key, until in resting.items() if until <= now()]:
            del resting[key]
        resting.update(((recall_id, lot_id), now() + REST_SECONDS) for lot_id in failed)
        return len(failed) < len(lots)

    await workers.run(platform, reach.WORKER, step)


async def _waiting(platform: Platform, after: tuple[str, int]) -> list[tuple[str, int, str]]:
    async with platform.read() as session:
        return await uncounted.behind(session, after, reach.AT_ONCE)


async def _count(platform: Platform, recall_id: str, lots: Sequence[str]) -> list[str]:
    """Count them; those that fail by themselves, which others do not wait for."""
    if not lots:
        return []
    try:
        await _slice(platform, recall_id, lots)
    except Exception as error:
        if is_transient(error):
            raise
        if middle := len(lots) // 2:
            return [
                *await _count(platform, recall_id, lots[:middle]),
                *await _count(platform, recall_id, lots[middle:]),
            ]
        reach.tell(platform.name, recall_id, error, lot_id=lots[0])
        return [*lots]
    return []


async def _slice(platform: Platform, recall_id: str, lots: Sequence[str]) -> None:
    async with platform.system_unit_of_work() as uow:
        # Its lock, as every step of the case takes it: a capture that beside this tells more of a lot comes before, or
        # finds it counted and has it counted again.
        recall = await repository.get(uow.session, recall_id, lock=True)
        assert recall is not None
        await reach.count(uow, recall, await uncounted.still(uow.session, recall_id, lots))
        failpoints.hit("recalls.before_commit")
    failpoints.hit("recalls.after_commit")
