"""The worker that finds the holders of a large recall, a slice of its lots in each transaction: a kill loses none and
counts none twice.
"""

from functools import partial

from services.traceability.recalls import reach, repository
from shared import failpoints, workers
from shared.web import Platform


async def count_worker(platform: Platform) -> None:
    await workers.run(platform, reach.WORKER, partial(count_slice, platform))


async def count_slice(platform: Platform) -> bool:
    """Whether there was something to count."""
    async with platform.read() as session:
        recall_id = await repository.first_uncounted(session)
    if recall_id is None:
        return False
    async with platform.system_unit_of_work() as uow:
        # Its lock, as every step of the case takes it: a capture that beside this tells more of a lot comes before, or
        # finds it counted and has it counted again.
        recall = await repository.get(uow.session, recall_id, lock=True)
        assert recall is not None
        await reach.count(uow, recall, await repository.uncounted(uow.session, recall_id, reach.AT_ONCE))
        failpoints.hit("recalls.before_commit")
    failpoints.hit("recalls.after_commit")
    return True
