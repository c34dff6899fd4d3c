"""EPCIS 2.0 REST: capture, events, queries. Statuses and error types are the standard's."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import Request, Response
from sqlalchemy.exc import IntegrityError

from services.traceability.callers import STAFF, captured_by
from services.traceability.epcis import jobs, protocol, queries, repository, validation
from services.traceability.epcis.bounds import Limits
from services.traceability.epcis.errors import EpcisError, invalid
from services.traceability.epcis.models import Capture
from services.traceability.epcis.prepare import Prepared, prepare
from services.traceability.epcis.service import capture
from services.traceability.settings import Settings
from shared.auth import Department, Enterprise, Public
from shared.db.types import utc_text
from shared.errors import Invalid
from shared.i18n import Lang
from shared.times import instant
from shared.turns import aside
from shared.web import (
    CurrentPlatform,
    CurrentPrincipal,
    ReadSession,
    RequestLang,
    Router,
    Uow,
    allow,
    problem,
)
from shared.web.paging import Keyset, next_link
from shared.web.reading import body_of, in_time

router = Router(prefix="/epcis", tags=["EPCIS 2.0"])
_CAPTURES = Keyset("captures", instant, str)
WRITE = "traceability:epcis:write"
READ = "traceability:epcis:read"
_ANY_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_EVENT_PATH = "/events/{event_id:path}"


def _body(what: str) -> dict[str, Any]:
    schema = {"type": "object", "description": what}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _query(*names: str) -> dict[str, Any]:
    return {"parameters": [{"in": "query", "name": name, "schema": {"type": "string"}} for name in names]}


def _json(body: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), 200, {**protocol.HEADERS, **(headers or {})}, "application/json")


@router.post(
    "/capture",
    status_code=202,
    openapi_extra=_body("An EPCISDocument"),
    responses=problem(400, 401, 403, 406, 413, 415),
)
@allow(Enterprise(), Department(WRITE), area="place or product of each event", owner="see epcis/owners.py")
async def post_capture(request: Request, uow: Uow, platform: CurrentPlatform, principal: CurrentPrincipal) -> Response:
    """Take a document; it is stored, then captured in the background. `Location` is the job."""
    protocol.check_versions(request)
    protocol.check_media(request)
    behaviour = request.headers.get("GS1-Capture-Error-Behaviour", "rollback").strip().lower()
    if behaviour not in ("rollback", "proceed"):
        raise EpcisError(
            "ValidationException",
            zh="GS1-Capture-Error-Behaviour 应为 rollback 或 proceed",
            en="GS1-Capture-Error-Behaviour should be rollback or proceed",
        )
    settings = platform.settings_as(Settings)
    data = await body_of(request)
    document, errors = await in_time(data, validation.read_document, Limits.of(settings))
    if errors:
        raise invalid(errors)
    count = len(document["epcisBody"]["eventList"])
    if count > settings.capture_max_events:
        raise EpcisError(
            "CaptureLimitExceededException",
            zh=f"一份文件最多 {settings.capture_max_events} 个事件，这份有 {count} 个",
            en=f"A document holds at most {settings.capture_max_events} events; this one has {count}",
            headers=protocol.limits(settings),
        )
    job = Capture(
        capture_id=uow.id(),
        created_at=uow.now,
        state="waiting",
        behaviour=behaviour,
        principal=jobs.principal_to_row(principal),
        owner=principal.id,
        document=data,
        events=count,
        duplicates=[],
        errors=[],
    )
    uow.session.add(job)
    uow.after_commit(jobs.wake(platform).set)
    headers = {**protocol.HEADERS, "Location": f"/epcis/capture/{job.capture_id}"}
    answer: Response = uow.answer({"captureID": job.capture_id}, 202, headers)  # type: ignore[assignment]
    return answer


@router.get("/capture", openapi_extra=_query("perPage", "nextPageToken"), responses=problem(400, 401, 403, 406))
@allow(Enterprise(), Department(WRITE), owner="own jobs", private=True)
async def list_captures(request: Request, session: ReadSession, principal: CurrentPrincipal) -> Response:
    """The caller's jobs, newest first; what each was refused for tells the job itself."""
    protocol.check_versions(request)
    per_page, after = _page(request)
    found = await repository.captures_of(session, principal.id, after, per_page + 1)
    token = None
    if len(found) > per_page:
        last = found[per_page - 1]
        token = _CAPTURES.cursor(last.created_at, last.capture_id)
    return _json([_job(job) for job in found[:per_page]], next_link(request, token, "nextPageToken"))


def _page(request: Request) -> tuple[int, tuple[datetime, str] | None]:
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "nextPageToken"]
    query = queries.parse(others, _ANY_TIME, only=("perPage",))
    token = request.query_params.get("nextPageToken")
    if token is None:
        return query.per_page, None
    try:
        return query.per_page, _CAPTURES.after(token)
    except Invalid as error:
        raise EpcisError("QueryParameterException", zh="nextPageToken 无效", en="Invalid nextPageToken") from error


@router.get("/capture/{capture_id}", responses=problem(401, 403, 404, 406))
@allow(Enterprise(), Department(WRITE), owner="own jobs", private=True)
async def get_capture(
    capture_id: str, request: Request, session: ReadSession, principal: CurrentPrincipal, lang: RequestLang
) -> Response:
    """One job: whether it runs, what was stored, what was there already, what was refused and why. Of many, the first
    1,000 repeats and wrong places are told; `repeated` and `refused` count all."""
    protocol.check_versions(request)
    job = await session.get(Capture, capture_id)
    if job is None or job.owner != principal.id:
        raise _no_such("捕获任务", "capture job", capture_id)
    return await aside(len(job.errors) + len(job.duplicates), _whole, job, lang)


def _job(job: Capture) -> dict[str, Any]:
    """How the job stands, in numbers."""
    found: dict[str, Any] = {
        "captureID": job.capture_id,
        "createdAt": utc_text(job.created_at),
        "running": job.state == "waiting",
        "success": job.success is not False,
        "captureErrorBehaviour": job.behaviour,
        "events": job.events,
        "stored": job.stored,
        "repeated": job.repeated,
        "refused": job.refused,
    }
    if job.finished_at is not None:
        found["finishedAt"] = utc_text(job.finished_at)
    return found


def _whole(job: Capture, lang: Lang) -> Response:
    return _json(_job(job) | {"errors": jobs.problems(job.errors, lang), "duplicates": job.duplicates})


@router.post(
    "/events",
    status_code=201,
    openapi_extra=_body("One EPCIS event with its @context"),
    responses=problem(400, 401, 403, 404, 406, 409, 413, 415),
)
@allow(Enterprise(), Department(WRITE), area="place or product of the event", owner="see epcis/owners.py")
async def post_event(request: Request, uow: Uow, platform: CurrentPlatform) -> Response:
    """Capture one event now. A repeat is 409 and names the event that is stored."""
    protocol.check_versions(request)
    protocol.check_media(request)
    event = await asyncio.to_thread(_read_event, await body_of(request), Limits.of(platform.settings_as(Settings)))
    try:
        outcome = await capture(uow, [event])
    except IntegrityError as error:
        raise _exists(event.event_id) from error  # the same event arrived beside this one
    if outcome.duplicates:
        raise _exists(outcome.duplicates[0]["event_id"], voided=bool(outcome.duplicates[0].get("voided")))
    if outcome.refused:
        [refused] = outcome.refused
        [reason] = refused.errors
        raise EpcisError(refused.exception, zh=reason.zh, en=reason.en, errors=[reason])
    headers = {**protocol.HEADERS, "Location": _location(event.event_id)}
    body = event.row["body"] | {"recordTime": utc_text(uow.now)}
    answer: Response = uow.answer(body, 201, headers)
    return answer


def _read_event(data: bytes, limits: Limits) -> Prepared:
    candidate = validation.single(validation.load(data, limits.document_values), limits)
    prepared = prepare([candidate])
    if candidate.errors:
        raise invalid(candidate.errors)
    return prepared[0]


@router.get("/events", openapi_extra=_query(*queries.SUPPORTED), responses=problem(400, 401, 403, 406, 413))
@allow(Enterprise(), Department(READ), STAFF, area="own area", owner="own events", private=True)
async def get_events(
    request: Request, session: ReadSession, principal: CurrentPrincipal, platform: CurrentPlatform
) -> Response:
    """SimpleEventQuery. Lists are OR, parameters AND; pages by `Link: rel="next"`."""
    protocol.check_versions(request)
    now = platform.clock.now()
    query = queries.parse(request.query_params.multi_items(), now)
    statement = repository.visible(query.statement(), principal)
    if query.max_count is not None and await repository.count(session, statement) > query.max_count:
        raise EpcisError(
            "QueryTooLargeException",
            zh=f"结果超过 maxEventCount={query.max_count}",
            en=f"The result is larger than maxEventCount={query.max_count}",
        )
    rows = (await session.execute(query.page(statement))).scalars().all()
    kept = rows[: query.size]
    token = query.next_token(kept[-1], len(kept)) if len(rows) > query.size else None
    return _json(protocol.query_document(kept, now), next_link(request, token, "nextPageToken"))


@router.get(_EVENT_PATH, responses=problem(401, 403, 404, 406))
@allow(Enterprise(), Department(READ), STAFF, area="own area", owner="own events", private=True)
async def get_event(
    event_id: str, request: Request, session: ReadSession, principal: CurrentPrincipal, platform: CurrentPlatform
) -> Response:
    """One event by its eventID or hash id, with its error declaration; of equal ids the caller's own."""
    protocol.check_versions(request)
    found = await repository.by_id(session, event_id, principal, captured_by(principal))
    if not found:
        raise _no_such("事件", "event", event_id)
    return _json(protocol.query_document(found, platform.clock.now()))


@router.options("/capture", status_code=204)
@allow(Public())
async def options_capture(platform: CurrentPlatform) -> Response:
    return Response(status_code=204, headers=protocol.discovery("OPTIONS, POST, GET", platform.settings_as(Settings)))


@router.options("/capture/{capture_id}", status_code=204)
@allow(Public())
async def options_job(capture_id: str) -> Response:
    return Response(status_code=204, headers=protocol.discovery("OPTIONS, GET"))


@router.options("/events", status_code=204)
@allow(Public())
async def options_events(platform: CurrentPlatform) -> Response:
    return Response(status_code=204, headers=protocol.discovery("OPTIONS, POST, GET", platform.settings_as(Settings)))


@router.options(_EVENT_PATH, status_code=204)
@allow(Public())
async def options_event(event_id: str) -> Response:
    return Response(status_code=204, headers=protocol.discovery("OPTIONS, GET"))


def _location(event_id: str) -> str:
    return f"/epcis/events/{quote(event_id, safe='')}"


def _exists(event_id: str, *, voided: bool = False) -> EpcisError:
    zh, en = f"该事件已经存储，eventID 为 {event_id}", f"The event is stored already, its eventID is {event_id}"
    if voided:
        zh += "，并已声明有误；要重新报送相同内容，请给它一个新的 eventID"
        en += ", and was declared in error; to capture the same content again, give it a new eventID"
    headers = {"Location": _location(event_id)}
    return EpcisError("ResourceAlreadyExistsException", zh=zh, en=en, headers=headers)


def _no_such(zh: str, en: str, key: str) -> EpcisError:
    return EpcisError("NoSuchResourceException", zh=f"没有{zh} {key}", en=f"No {en} {key}")
