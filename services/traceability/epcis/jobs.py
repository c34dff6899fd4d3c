"""Capture jobs: the document is stored before the `202`, and each job is one transaction, so a kill loses nothing and
repeats nothing. A job that another process stored, or that a kill left behind, is found by the poll.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from services.traceability.epcis import repository, validation
from services.traceability.epcis.models import Capture
from services.traceability.epcis.prepare import Prepared, prepare
from services.traceability.epcis.service import Outcome, Refused, capture
from services.traceability.epcis.validation import Candidate, Limits
from services.traceability.settings import Settings
from shared.auth import Principal
from shared.db import UnitOfWork
from shared.db.faults import fault_of
from shared.errors import FieldError, PlatformError
from shared.web import Platform

log = structlog.get_logger("capture")
MAX_ATTEMPTS = 3
"""After so many failures that are not the document's fault a job ends with an error, so that it blocks no other."""
MAX_CONFLICTS = 100
"""A document that holds an event which another one stores at the same moment is tried again, and then sees it: once
for each such document, so this many would be a defect."""


def wake(platform: Platform) -> asyncio.Event:
    """Set when a job was stored in this process."""
    event: asyncio.Event = platform.state.setdefault("capture_wake", asyncio.Event())
    return event


async def capture_worker(platform: Platform) -> None:
    """The worker of one process; the lock on a job keeps two of them apart."""
    woken = wake(platform)
    while True:
        woken.clear()
        if not await process_waiting(platform):
            try:
                async with asyncio.timeout(platform.settings.poll_seconds):
                    await woken.wait()
            except TimeoutError:
                continue


async def process_waiting(platform: Platform) -> bool:
    """Process the oldest jobs that wait; False when there was none."""
    async with platform.read() as session:
        jobs = await repository.waiting(session)
    for job in jobs:
        try:
            await _process(platform, job)
        except DBAPIError as error:
            if error.connection_invalidated or fault_of(error) is not None:  # not the document's fault
                raise
            await _failed(platform, job, error, MAX_CONFLICTS)
        except (OSError, TimeoutError):
            raise
        except Exception as error:
            await _failed(platform, job, error, MAX_ATTEMPTS)
    return bool(jobs)


async def _process(platform: Platform, job: Capture) -> None:
    settings = platform.settings
    assert isinstance(settings, Settings)
    candidates, prepared = await asyncio.to_thread(_check, job.document or b"", Limits.of(settings))
    invalid = [Refused(each.pointer, "ValidationException", tuple(each.errors)) for each in candidates if each.errors]
    rollback = job.behaviour == "rollback"
    async with platform.unit_of_work(principal_of(job)) as uow:
        taken = await repository.take(uow.session, job.capture_id)
        if taken is None:
            return
        outcome = Outcome()
        if not (rollback and invalid):
            outcome = await capture(uow, prepared, capture_id=job.capture_id, all_or_nothing=rollback)
        outcome.refused = sorted([*invalid, *outcome.refused], key=lambda refused: _place(refused.pointer))
        _finish(uow, taken, len(candidates), outcome)


def _check(document: bytes, limits: Limits) -> tuple[list[Candidate], list[Prepared]]:
    candidates = validation.candidates(validation.load(document, limits.document_values), limits)
    return candidates, prepare(candidates)


def _place(pointer: str) -> int:
    return int(pointer.rpartition("/")[2] or 0)


def _finish(uow: UnitOfWork, job: Capture, events: int, outcome: Outcome) -> None:
    job.state, job.finished_at, job.document = "done", uow.now, None
    job.success = not outcome.refused
    job.events, job.stored, job.duplicates = events, len(outcome.stored), outcome.duplicates
    job.errors = [
        {"exception": each.exception, "event": each.pointer, "errors": [asdict(error) for error in each.errors]}
        for each in outcome.refused
    ]
    uow.session.add(job)


async def _failed(platform: Platform, job: Capture, error: Exception, most: int) -> None:
    """Count the failure; the last one ends the job. A PlatformError is the document's fault and ends it at once."""
    log.warning("capture job not done", capture_id=job.capture_id, error=f"{type(error).__name__}: {error}"[:500])
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
            _finish(uow, taken, taken.events, Outcome(refused=[refused]))
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


def problems(job: Capture, lang: str) -> Sequence[dict[str, Any]]:
    """The errors of a job as problems (RFC 9457), one for each refused event."""
    from services.traceability.epcis.errors import EpcisError

    found = []
    for entry in job.errors:
        errors = [FieldError(**error) for error in entry["errors"]]
        place = entry["event"] or "/"
        error = EpcisError(entry["exception"], zh=f"{place} 未存储", en=f"{place} was not stored", errors=errors)
        found.append(error.to_problem("en" if lang == "en" else "zh") | {"event": entry["event"]})
    return found
