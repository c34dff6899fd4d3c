"""The worker that renders the lots which a large change left marked, a slice in each transaction: a kill loses none and
repeats none.
"""

import structlog

from services.traceability.masterdata.locks import lock_free
from services.traceability.verdicts import repository
from services.traceability.verdicts.service import WORKER, render
from shared import failpoints, metrics, workers
from shared.db.errors import is_transient
from shared.web import Platform

LOTS = 200
"""Of one transaction: half a second of work, so that nobody waits long for the writer of a SQLite file."""
log = structlog.get_logger("verdicts")


async def render_worker(platform: Platform) -> None:
    after = ""

    async def step() -> bool:
        nonlocal after
        lots = await _waiting(platform, after)
        if not lots and not after:
            return False
        done = await _render(platform, lots)
        after = lots[-1] if lots else ""  # at the end from the beginning again
        return bool(done) or not lots

    await workers.run(platform, WORKER, step)


async def _waiting(platform: Platform, after: str) -> list[str]:
    async with platform.read() as session:
        return await repository.stale_after(session, after, LOTS)


async def _render(platform: Platform, lots: list[str]) -> int:
    """How many were rendered; others have the rest in hand."""
    if not lots:
        return 0
    try:
        return await _slice(platform, lots)
    except Exception as error:
        if is_transient(error):
            raise
        if len(lots) > 1:  # one of them: the others must not wait for it
            return sum([await _render(platform, [lot_id]) for lot_id in lots])
        log.error("verdict not rendered", lot_id=lots[0], error=f"{type(error).__name__}: {error}"[:500])
        metrics.JOBS_FAILED.labels(platform.name, WORKER).inc()
        async with platform.system_unit_of_work() as uow:
            await repository.count_failure(uow.session, lots[0])
        return 0


async def _slice(platform: Platform, lots: list[str]) -> int:
    async with platform.system_unit_of_work() as uow:
        taken = await repository.take_stale(uow.session, await lock_free(uow.session, lots))
        await render(uow, taken)
        failpoints.hit("verdicts.before_commit")
    failpoints.hit("verdicts.after_commit")
    return len(taken)
