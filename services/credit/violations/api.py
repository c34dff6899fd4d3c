"""Routes of the violations."""

from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from starlette.responses import Response

from services.credit.people import OFFICERS, READ, READERS
from services.credit.violations import intake, repository, service, views
from services.credit.violations.intake import Accepted, Push, external_key
from services.credit.violations.receipts import split
from services.credit.violations.schemas import (
    Batch,
    BatchOut,
    Correction,
    Publication,
    Receipt,
    ViolationFile,
    ViolationIn,
    ViolationOut,
    Withdrawal,
)
from shared.auth import Department, Enterprise, Principal, Public, Staff
from shared.clock import shanghai_date
from shared.errors import Invalid, NotFound, PlatformError
from shared.jsontext import read_json
from shared.web import (
    Coalescer,
    CurrentPlatform,
    CurrentPrincipal,
    HotWrite,
    Platform,
    ReadSession,
    RequestLang,
    Router,
    Uow,
    allow,
    problem,
)
from shared.web.batches import Judged, receipts, refusals_of
from shared.web.bodies import documented, json_of, parse, require_json
from shared.web.reading import body_of, in_time
from shared.wiring import Kept

router = Router(prefix="/v1/credit", tags=["violations"])
WRITE = "credit:violations:write"
_PUSHES: Kept[Platform, Coalescer[Push, Accepted]] = Kept(lambda platform: Coalescer(platform, intake.record))
"""Single pushes that arrive beside each other share one commit."""


async def _push(platform: Platform, principal: Principal, body: bytes) -> Push:
    raw = await in_time(body, read_json, platform.settings.max_json_values)
    return Push(principal, parse(ViolationIn, raw, today=shanghai_date(platform.clock.now())))


async def _record(platform: Platform, principal: Principal, body: bytes) -> tuple[int, bytes]:
    accepted = await _PUSHES.of(platform).submit(await _push(platform, principal, body))
    return 200 if accepted.repeated else 201, accepted.receipt.encode()


HOT = HotWrite("/v1/credit/violations", _record)


def _receipt(text: str | bytes, status: int) -> Any:
    return Response(text, status, media_type="application/json")


@router.post(
    "/violations",
    status_code=201,
    response_model=Receipt,
    responses={
        200: {"model": Receipt, "description": "Recorded before: the first receipt again"},
        **problem(400, 401, 403, 409, 413, 415, 422),
    },
    openapi_extra=documented(ViolationIn),
)
@allow(Department(WRITE), Staff("case_officer"), area="body.area_code")
async def record(request: Request, platform: CurrentPlatform, principal: CurrentPrincipal) -> Any:
    """Record one penalty decision (行政处罚决定). The same push again is answered with the same receipt."""
    require_json(request)
    body = await body_of(request)
    if request.state.idempotency is None:
        status, text = await _record(platform, principal, body)
        return _receipt(text, status)
    push = await _push(platform, principal, body)
    async with platform.unit_of_work(principal) as uow:
        uow.idempotency = request.state.idempotency
        (result,) = await intake.record(uow, [push])
        if isinstance(result, PlatformError):
            raise result
        return uow.answer(orjson.Fragment(result.receipt), 200 if result.repeated else 201)


@router.post(
    "/violations:batch",
    response_model=BatchOut,
    responses=problem(400, 401, 403, 413, 415, 422),
    openapi_extra=documented(Batch),
)
@allow(Department(WRITE), Staff("case_officer"), area="body.items[].area_code")
async def record_batch(
    request: Request, uow: Uow, principal: CurrentPrincipal, lang: RequestLang, atomic: Annotated[bool, Query()] = False
) -> Any:
    """Record 1 to 1,000 decisions, one receipt for each, in order. A bad one loses only itself, unless `atomic=true`:
    then nothing is recorded, and every wrong place of every item is told."""
    today = shanghai_date(uow.now)
    batch = parse(Batch, await json_of(request), today=today)
    judged = Judged(
        batch.items,
        lambda index, raw: Push(
            principal, parse(ViolationIn, raw, today=today, place=("items", index) if atomic else ())
        ),
    )
    if atomic and (wrong := refusals_of(judged.refused)):
        raise Invalid(wrong, "batch_refused")
    results = judged.with_results(await intake.record(uow, judged.good) if judged.good else [])
    if atomic and (wrong := refusals_of(results)):
        raise Invalid(wrong, "batch_refused")
    answer = receipts(results, _told, ("recorded", "repeated"), lang)
    return uow.answer(orjson.Fragment(orjson.dumps(answer)))


def _told(accepted: Accepted) -> tuple[str, Any]:
    return "repeated" if accepted.repeated else "recorded", orjson.Fragment(accepted.receipt)


@router.get(
    "/violations/{violation_id}",
    response_model=ViolationFile | ViolationOut,
    responses=problem(400, 401, 403, 404, 422),
)
@allow(Public(), Enterprise(), *READERS, private=True)
async def read(violation_id: str, session: ReadSession, platform: CurrentPlatform, principal: CurrentPrincipal) -> Any:
    """A published decision; departments and staff of its area or the party's see every record with its versions,
    an enterprise its own."""
    return await views.one(session, violation_id, principal, platform.clock.now())


@router.post(
    "/violations/{violation_id}/corrections",
    status_code=201,
    response_model=Receipt,
    responses=problem(400, 401, 403, 404, 409, 422),
)
@allow(Department(WRITE), Staff("case_officer"), area="violation.area_code")
async def correct(violation_id: str, body: Correction, uow: Uow) -> Any:
    """Correct a record: a new version with the changed fields."""
    return uow.answer(orjson.Fragment(await service.correct(uow, violation_id, body)), 201)


@router.post(
    "/violations/{violation_id}/withdrawal",
    status_code=201,
    response_model=Receipt,
    responses=problem(400, 401, 403, 404, 409, 422),
)
@allow(Department(WRITE), Staff("case_officer"), area="violation.area_code")
async def withdraw(violation_id: str, body: Withdrawal, uow: Uow) -> Any:
    """Withdraw an annulled decision: it is no longer shown, and listings that rest on it end at once."""
    return uow.answer(orjson.Fragment(await service.withdraw(uow, violation_id, body)), 201)


@router.post(
    "/violations/{violation_id}/publication",
    response_model=ViolationOut,
    responses=problem(400, 401, 403, 404, 409, 422),
)
@allow(Staff("publisher"), area="violation.area_code")
async def publish(violation_id: str, body: Publication, uow: Uow) -> Any:
    """Publish a recorded decision now, before the calendar does it."""
    return uow.answer(views.summary(await service.publish(uow, violation_id, body)))


@router.get("/receipts/{receipt_id}", response_model=Receipt, responses=problem(401, 403, 404, 422))
@allow(Department(WRITE), Department(READ), OFFICERS, private=True)
async def receipt(receipt_id: str, session: ReadSession, principal: CurrentPrincipal) -> Any:
    """A receipt again, byte for byte, for its own department."""
    place = split(receipt_id)
    row = await repository.version(session, *place) if place else None
    return _own_receipt(row, principal)


@router.get("/receipts", response_model=Receipt, responses=problem(401, 403, 404, 422))
@allow(Department(WRITE), Department(READ), OFFICERS, private=True)
async def receipt_by_external_id(
    external_id: Annotated[str, Query(min_length=1, max_length=100)], session: ReadSession, principal: CurrentPrincipal
) -> Any:
    """The latest receipt under the department's own number of the record."""
    row = await repository.by_external_key(session, external_key(principal.department, external_id))
    return _own_receipt(row, principal)


def _own_receipt(row: Any, principal: CurrentPrincipal) -> Any:
    if row is None or row.authority != principal.department:
        raise NotFound("receipt", zh="本部门没有这份回执", en="Your department has no such receipt")
    return _receipt(row.receipt, 200)
