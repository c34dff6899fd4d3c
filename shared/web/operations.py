"""What every service answers about itself: health, readiness, metrics, and the operator's view of its events."""

import asyncio
import os
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from shared import metrics
from shared.auth.policy import Department, Public, Staff
from shared.bus import dead_letters
from shared.bus.relay import pending
from shared.bus.replay import replay
from shared.db.faults import fault_of, words_of
from shared.errors import Conflict, NotFound
from shared.platform import Platform
from shared.times import instant
from shared.web.body import Out
from shared.web.paging import Keyset, Page, page_of, page_params
from shared.web.problems import problem
from shared.web.routing import CurrentPlatform, CurrentPrincipal, ReadSession, Router, Uow, allow

OPERATOR = Staff("administrator")
_ASK = "GET /v1/gateway/events/lag 可见原因（管理员） / tells an administrator why"


_DEAD_LETTERS = Keyset("dead-letters", instant, str)


class Lag(Out):
    outbox_pending: int
    outbox_oldest_seconds: float
    consumer_lag: dict[str, int]
    dead_letters: int
    failing: dict[str, str]


class DeadLetter(Out):
    id: str
    source: str
    key: str
    sequence: int
    type: str
    state: Literal["failed", "parked", "gap", "skipped", "applied"]
    error: str
    attempts: int
    first_at: str
    last_at: str
    data: Any = None


async def measure(platform: Platform) -> Lag:
    waiting = await pending(platform)
    lag = await platform.consumer.lag()
    async with platform.read() as session:
        letters = await dead_letters.open_count(session, platform.consumer.name)
    metrics.OUTBOX_PENDING.labels(platform.name).set(waiting["pending"])
    metrics.OUTBOX_OLDEST.labels(platform.name).set(waiting["oldest_seconds"])
    metrics.DEAD_LETTERS_OPEN.labels(platform.name).set(letters)
    for topic, records in lag.items():
        metrics.CONSUMER_LAG_RECORDS.labels(platform.name, topic).set(records)
    return Lag(
        outbox_pending=int(waiting["pending"]),
        outbox_oldest_seconds=round(waiting["oldest_seconds"], 3),
        consumer_lag=lag,
        dead_letters=letters,
        failing=dict(platform.failing),
    )


async def exposition(platform: Platform) -> bytes:
    """All metrics of this process in the text format of Prometheus."""
    await measure(platform)
    return await asyncio.to_thread(generate_latest)  # tens of milliseconds where there are many series


def _warnings(platform: Platform) -> dict[str, str]:
    """What works and should not be left so."""
    if platform.bus.authenticates or platform.settings.demo:
        return {}
    return {
        "bus": "消息代理不认证客户端：能连上它的人都能读写全部主题（见 docs/ops/events.md） / the broker does not "
        "authenticate its clients: whoever reaches it reads and writes every topic (docs/ops/events.md)"
    }


def health_router(*, public: bool) -> Router:
    router = Router(tags=["operations"])

    @router.get("/healthz")
    @allow(Public())
    async def healthz(platform: CurrentPlatform) -> dict[str, str | int]:
        """The process is alive, and which one it is. Asks nothing else."""
        return {"status": "alive", "service": platform.name, "pid": os.getpid()}

    @router.get("/readyz", responses={503: {"description": "Not ready, with the reason"}})
    @allow(Public())
    async def readyz(platform: CurrentPlatform, principal: CurrentPrincipal, response: Response) -> dict[str, Any]:
        """Database, bus and background tasks work. 503 with the reasons when one does not; where clients outside reach
        the service, an administrator alone is told more than their names."""
        reasons = dict(platform.failing)
        storage = platform.db.storage.reason
        if storage is not None:
            reasons["storage"] = storage
        body: dict[str, Any] = {"service": platform.name}
        try:
            async with platform.read() as session:
                await session.execute(text("SELECT 1"))
            body |= (await measure(platform)).model_dump()
            if platform.consumer.bus_error is not None:
                reasons["bus"] = platform.consumer.bus_error
        except Exception as error:
            fault = fault_of(error)
            reasons["database"] = f"{fault.zh} / {fault.en}" if fault is not None else words_of(error)
        response.status_code = 503 if reasons else 200
        warnings = _warnings(platform)
        if public and not OPERATOR.admits(principal):
            body, reasons = {"service": platform.name}, dict.fromkeys(reasons, _ASK)
            warnings = dict.fromkeys(warnings, _ASK)
        status = "not ready" if reasons else "ready"
        return body | {"status": status, "reasons": reasons, "warnings": warnings}

    @router.get("/metrics", response_class=Response)
    @allow(OPERATOR, Department("operations:metrics:read"))
    async def prometheus(platform: CurrentPlatform) -> Response:
        """For Prometheus. `PINZHI_METRICS_PORT` serves the same without a token, on a port of its own."""
        return Response(await exposition(platform), media_type=CONTENT_TYPE_LATEST)

    return router


def events_router(service: str) -> Router:
    """The operator's view: what waits, what failed, retry, skip, replay."""
    router = Router(prefix=f"/v1/{service}/events", tags=["operations"])
    operator = OPERATOR

    @router.get("/lag")
    @allow(operator, private=True)
    async def lag(platform: CurrentPlatform) -> Lag:
        return await measure(platform)

    @router.get("/dead-letters", responses=problem(422))
    @allow(operator, private=True)
    async def dead_list(
        session: ReadSession,
        params: page_params,
        state: Annotated[Literal["failed", "parked", "gap", "skipped", "applied"] | None, Query()] = None,
    ) -> Page[DeadLetter]:
        after = _DEAD_LETTERS.after(params.cursor)
        rows = await dead_letters.page(session, state=state, after=after, limit=params.limit + 1)
        page = page_of(rows, params.limit, _DEAD_LETTERS, lambda row: (row.first_at, row.id))
        return Page(items=[_letter(row) for row in page.items], next=page.next)

    @router.get("/dead-letters/{letter_id}", responses=problem(404))
    @allow(operator, private=True)
    async def dead_show(letter_id: str, session: ReadSession) -> DeadLetter:
        return _letter(_found(await dead_letters.find(session, letter_id)), with_data=True)

    @router.post("/dead-letters/{letter_id}:retry", responses=problem(404, 409))
    @allow(operator)
    async def dead_retry(letter_id: str, platform: CurrentPlatform, session: ReadSession, uow: Uow) -> dict[str, int]:
        """Apply the waiting events of this letter's key again, in order, until one fails."""
        row = _found(await dead_letters.find(session, letter_id))
        uow.audit("events.dead.retry", subject=letter_id)
        applied = await platform.consumer.retry((row.source, row.key))
        return uow.answer({"applied": applied})

    @router.post("/dead-letters/{letter_id}:skip", responses=problem(404, 409))
    @allow(operator)
    async def dead_skip(letter_id: str, platform: CurrentPlatform, session: ReadSession, uow: Uow) -> dict[str, str]:
        """Give this event up for good; those behind it are applied."""
        _found(await dead_letters.find(session, letter_id))
        uow.audit("events.dead.skip", subject=letter_id)
        if not await platform.consumer.skip(letter_id):
            raise Conflict(
                "not_first",
                zh="只能跳过该键最早的一条未处理事件",
                en="Only the first waiting event of a key can be skipped",
            )
        return uow.answer({"status": "skipped"})

    @router.post(":replay")
    @allow(operator)
    async def replay_now(platform: CurrentPlatform, uow: Uow) -> dict[str, int]:
        """Rebuild this service's projections from the log."""
        uow.audit("events.replay", subject=platform.name)
        return uow.answer({"events": await replay(platform)})

    return router


def _found(row: Any) -> Any:
    if row is None:
        raise NotFound("dead_letter", zh="没有这条死信", en="No such dead letter")
    return row


def _letter(row: Any, *, with_data: bool = False) -> DeadLetter:
    data: Any = None
    if with_data:
        try:
            data = orjson.loads(row.data)
        except orjson.JSONDecodeError:
            data = row.data.decode("utf-8", "replace")
    return DeadLetter(
        id=row.id,
        source=row.source,
        key=row.key,
        sequence=row.sequence,
        type=row.type,
        state=row.state,
        error=row.error,
        attempts=row.attempts,
        first_at=row.first_at.isoformat(),
        last_at=row.last_at.isoformat(),
        data=data,
    )
