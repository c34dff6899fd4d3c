"""Capture jobs: the document is stored before the `202`, and each job is one transaction, so a kill loses nothing and
repeats nothing. A job that another process stored, or that a kill left behind, is found by the poll.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from itertools import accumulate, takewhile
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from services.traceability.epcis import repository, validation
from services.traceability.epcis.bounds import Limits
from services.traceability.epcis.errors import EpcisError
from services.traceability.epcis.models import Capture
from services.traceability.epcis.prepare import Prepared, prepare
from services.traceability.epcis.service import Outcome, Refused, capture
from services.traceability.epcis.validation import Candidate
from services.traceability.settings import Settings
from shared import collector, failpoints, metrics, workers
from shared.auth import Principal
from shared.db import UnitOfWork
from shared.db.faults import fault_of
from shared.errors import Conflict, FieldError, NotFound, PlatformError
from shared.i18n import Lang, Text
from shared.turns import aside, let_go
from shared.web import Platform
from shared.wiring import Kept, Wiring

log = structlog.get_logger("capture")
MAX_ATTEMPTS = 3
"""After so many failures that are not the document's fault a job ends with an error, so that it blocks no other."""
MAX_KILLS = 2
"""A job whose work was begun so often and never ended has killed its process each time: the next start would be killed
too, and every other job would wait for ever."""
SET_ASIDE = Text(
    "处理该文件时服务进程两次中断，任务已搁置；请把文件拆小后重新提交，或请平台管理员重新运行",
    "Twice the service's process ended while it worked on this document, so the job is set aside; send the document in "
    "smaller parts, or ask the platform's administrator to run it again",
)
MOST_TOLD = 1_000
"""Repeats, and places of refused events, that a job tells one by one; `repeated` and `refused` count all. Who mends
them sends the document again: what is stored by then is a repeat, and the next are told."""
_WORKER = "captures"
MAX_CONFLICTS = 100
"""A document that holds an event which another one stores at the same moment is tried again, and then sees it: once
for each such document, so this many would be a defect."""


def wake(wiring: Wiring) -> asyncio.Event:
    """Set when a job was stored in this process."""
    return workers.wake(wiring, _WORKER)


async def capture_worker(platform: Platform) -> None:
    """The worker of one process; the lock on a job keeps two of them apart."""
    await workers.run(platform, _WORKER, partial(process_waiting, platform))


async def process_waiting(platform: Platform) -> bool:
    """Process one job of each client that waits; False when there was none to process."""
    async with platform.read() as session:
        waiting = await repository.waiting(session)
    taken = False
    for capture_id in waiting:
        job = await _begin(platform, capture_id)
        if job is None:
            continue
        taken = True
        try:
            with collector.large():
                await _process(platform, job)
        except DBAPIError as error:
            await _release(platform, job)
            if error.connection_invalidated or fault_of(error) is not None:  # not the document's fault
                raise
            await _failed(platform, job, error, MAX_CONFLICTS)
        except (OSError, TimeoutError, asyncio.CancelledError):
            await _release(platform, job)
            raise
        except Exception as error:
            await _release(platform, job)
            await _failed(platform, job, error, MAX_ATTEMPTS)
    return taken


async def _begin(platform: Platform, capture_id: str) -> Capture | None:
    """The job, counted; None where another has it, or it is set aside here."""
    async with platform.system_unit_of_work() as uow:
        survived = capture_id in _SURVIVED.of(platform)
        job = await repository.begin(uow.session, capture_id, platform.settings.worker_id, uow.now, survived=survived)
        _SURVIVED.of(platform).discard(capture_id)
        if job is None or job.begun <= MAX_KILLS:
            return job
        job.state, job.finished_at, job.success, job.worker = "aside", uow.now, False, None
        errors = [FieldError("", "epcis.capture_set_aside", SET_ASIDE.zh, SET_ASIDE.en)]
        job.errors = [{"exception": "ImplementationException", "event": "", "errors": [asdict(e) for e in errors]}]
        uow.session.add(job)
        uow.audit("epcis.capture.set_aside", subject=capture_id, detail={"begun": job.begun - 1})
    metrics.JOBS_SET_ASIDE.labels(platform.name).inc()
    log.error("capture job set aside: its work ended the process", capture_id=capture_id, owner=job.owner)
    return None


_SURVIVED: Kept[Platform, set[str]] = Kept(lambda _: set())
"""Jobs that failed in this process, which lives, and whose count the storage did not let go back."""


async def _release(platform: Platform, job: Capture) -> None:
    _SURVIVED.of(platform).add(job.capture_id)
    with suppress(DBAPIError, OSError, TimeoutError):  # what ails the storage is raised by the work itself
        async with platform.system_unit_of_work() as uow:
            await repository.release(uow.session, job.capture_id, platform.settings.worker_id)
        _SURVIVED.of(platform).discard(job.capture_id)


async def again(uow: UnitOfWork, capture_id: str) -> Capture:
    """Let a job that was set aside run once more."""
    job = await _aside(uow, capture_id)
    job.state, job.finished_at, job.success, job.errors = "waiting", None, None, []
    job.begun, job.begun_at, job.worker, job.attempts = 0, None, None, 0
    uow.session.add(job)
    uow.audit("epcis.capture.retry", subject=capture_id)
    uow.after_commit(wake(uow.wiring).set)
    return job


async def drop(uow: UnitOfWork, capture_id: str) -> Capture:
    """End a job that was set aside; its document goes, what its owner was told stays."""
    job = await _aside(uow, capture_id)
    job.state, job.document = "done", None
    uow.session.add(job)
    uow.audit("epcis.capture.drop", subject=capture_id)
    return job


async def _aside(uow: UnitOfWork, capture_id: str) -> Capture:
    job = await uow.session.get(Capture, capture_id, with_for_update=True)
    if job is None:
        raise NotFound("capture", zh=f"没有捕获任务 {capture_id}", en=f"There is no capture job {capture_id}")
    if job.state != "aside":
        raise Conflict("capture.not_aside", zh="该任务没有被搁置", en="The job is not set aside", state=job.state)
    return job


async def _process(platform: Platform, job: Capture) -> None:
    settings = platform.settings_as(Settings)
    candidates, prepared, invalid = await asyncio.to_thread(_check, job.document or b"", Limits.of(settings))
    rollback = job.behaviour == "rollback"
    async with platform.unit_of_work(principal_of(job)) as uow:
        taken = await repository.take(uow.session, job.capture_id)
        if taken is None:
            return
        outcome = Outcome()
        if not (rollback and invalid):
            outcome = await capture(uow, prepared, capture_id=job.capture_id, all_or_nothing=rollback)
        outcome.refused += invalid
        told = await aside(len(outcome.refused), _told, outcome.refused)
        _finish(uow, taken, len(candidates), outcome, told)
        failpoints.hit("capture.before_commit")
    await aside(len(candidates), let_go, candidates, prepared, outcome.stored, outcome.duplicates, outcome.refused)


def _check(document: bytes, limits: Limits) -> tuple[list[Candidate], list[Prepared], list[Refused]]:
    candidates = validation.candidates(validation.load(document, limits.document_values), limits)
    prepared = prepare(candidates)
    invalid = [Refused(each.pointer, "ValidationException", tuple(each.errors)) for each in candidates if each.errors]
    return candidates, prepared, invalid


def _place(pointer: str) -> int:
    return int(pointer.rpartition("/")[2] or 0)


def _told(refused: list[Refused]) -> list[dict[str, Any]]:
    """What the job tells of them, in the order of the document."""
    refused.sort(key=lambda each: _place(each.pointer))
    places = accumulate(len(each.errors) for each in refused)
    return [
        {"exception": each.exception, "event": each.pointer, "errors": [asdict(error) for error in each.errors]}
        for each, so_far in takewhile(lambda pair: pair[1] <= MOST_TOLD, zip(refused, places, strict=True))
    ]


def _finish(uow: UnitOfWork, job: Capture, events: int, outcome: Outcome, errors: list[dict[str, Any]]) -> None:
    job.state, job.finished_at, job.document, job.worker = "done", uow.now, None, None
    job.success = not outcome.refused
    job.events, job.stored = events, len(outcome.stored)
    job.repeated, job.refused = len(outcome.duplicates), len(outcome.refused)
    job.duplicates, job.errors = outcome.duplicates[:MOST_TOLD], errors
    uow.session.add(job)


async def _failed(platform: Platform, job: Capture, error: Exception, most: int) -> None:
    """Count the failure; the last one ends the job. A PlatformError is the document's fault and ends it at once."""
    log.warning("capture job not done", capture_id=job.capture_id, error=f"{type(error).__name__}: {error}"[:500])
    metrics.JOBS_FAILED.labels(platform.name, _WORKER).inc()
    async with platform.unit_of_work(principal_of(job)) as uow:
        taken = await repository.take(uow.session, job.capture_id)
        if taken is None:
            return
        taken.attempts += 1
        own_fault = isinstance(error, PlatformError)
        if own_fault or taken.attempts >= most:
            zh = error.text.zh if isinstance(error, PlatformError) else "服务处理该文件时出错，请联系平台"
            en = error.text.en if isinstance(error, PlatformError) else "The service failed on this document"
            name = "ValidationException" if own_fault else "ImplementationException"
            refused = Refused("", name, (FieldError("", "epcis.capture_failed", zh, en),))
            _finish(uow, taken, taken.events, Outcome(refused=[refused]), _told([refused]))
        else:
            uow.session.add(taken)


def principal_to_row(principal: Principal) -> dict[str, Any]:
    """What the owner rule needs when the job runs."""
    return {
        "kind": principal.kind,
        "id": principal.id,
        "name": principal.name,
        "department": principal.department,
        "area": principal.area,
        "uscc": principal.uscc,
    }


def principal_of(job: Capture) -> Principal:
    return Principal(**job.principal)


def problems(errors: Sequence[Mapping[str, Any]], lang: Lang) -> list[dict[str, Any]]:
    """The errors of a job as problems (RFC 9457), one for each refused event."""
    found = []
    for entry in errors:
        places = [FieldError(**error) for error in entry["errors"]]
        event = entry["event"] or "/"
        error = EpcisError(entry["exception"], zh=f"{event} 未存储", en=f"{event} was not stored", errors=places)
        found.append(error.to_problem(lang) | {"event": entry["event"]})
    return found
