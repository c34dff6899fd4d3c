"""The unit of work: the one place where a service's database commits.

Business rows, outbox rows, audit entries, the idempotency answer and hot invalidations are one transaction. Locks are
taken in one order: business rows, outbox sequences (sorted keys), the invalidation counter last and shortest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import orjson
from sqlalchemy import text
from starlette.responses import Response

from shared import context, failpoints
from shared.consequences import Message, R
from shared.db import outbox, tables
from shared.db.sql import insert_rows
from shared.db.types import dumps
from shared.events.base import Event, topic_of
from shared.ids import uuid7
from shared.turns import in_turns

if TYPE_CHECKING:
    from shared.auth.principal import Principal
    from shared.db.session import AsyncSession
    from shared.wiring import Wiring

T = TypeVar("T")
_LONGEST_EVENT = 900_000
"""Bytes; a Kafka takes records of 1 MiB unless it is told otherwise."""


class UnitOfWork:
    """Commits when its block ends well, rolls back when it does not. The transaction begins with the first statement.

    `now` is one instant for all that the transaction writes.
    """

    def __init__(self, wiring: Wiring, principal: Principal) -> None:
        self.wiring = wiring
        self.principal = principal
        self.now: datetime = wiring.clock.now()
        self.session: AsyncSession = wiring.db.write_session()
        self._at_work = wiring.db.at_work()
        self.idempotency: tuple[str, str] | None = None
        """`(key, request hash)` when the request carried an Idempotency-Key."""
        self.replaying = False
        self._events: list[tuple[Event, str]] = []
        """With the headers that tell where each came from."""
        self._audit: list[dict[str, Any]] = []
        self._tags: dict[str, None] = {}
        self._answer: Response | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._once: dict[Callable[[UnitOfWork, Sequence[Any]], Awaitable[None]], dict[Hashable, None]] = {}

    @classmethod
    def of_system(cls, wiring: Wiring) -> Self:
        """For what the platform does by itself: consumers, clocks, background tasks."""
        return cls(wiring, wiring.principal)

    async def tell(self, message: Message[R]) -> list[R]:
        """What follows from it in other domains, one result for each consequence, in their order. A message from which
        nothing follows is a mistake of the service: LookupError."""
        follow = self.wiring.consequences.get(type(message))
        if follow is None:
            raise LookupError(f"{self.wiring.name} says nothing of what follows from {type(message).__name__}")
        return [await each(self, message) for each in follow]

    def touch(self, kind: str, *subjects: Hashable) -> None:
        """What is made of these subjects follows before the commit, once for each and transaction. A kind that nobody
        refreshes is a mistake of the service: LookupError."""
        refresh = self.wiring.refreshers.get(kind)
        if refresh is None:
            raise LookupError(f"{self.wiring.name} refreshes nothing of the kind {kind}")
        if subjects:
            self.once(refresh, *subjects)

    def id(self) -> str:
        return uuid7()

    def publish(self, *events: Event) -> None:
        """Put events into the outbox of this transaction. Only events of this service."""
        for event in events:
            if event.publisher() != self.wiring.name:
                raise ValueError(f"{self.wiring.name} does not publish {event.type}")
        if self.replaying:
            raise RuntimeError("a projection handler must not publish")
        headers = _trace_headers()
        self._events.extend((event, headers) for event in events)

    def audit(
        self, action: str, *, subject: str, detail: Mapping[str, Any] | None = None, purpose: str | None = None
    ) -> None:
        """Write who did what to whom. `detail` holds ids and changed fields, never secrets."""
        trace = context.current.get()
        self._audit.append(
            {
                "id": uuid7(),
                "at": self.now,
                "principal": self.principal.id,
                "kind": self.principal.kind,
                "department": self.principal.department,
                "action": action,
                "subject": subject[:200],
                "purpose": purpose,
                "request_id": trace.request_id if trace else None,
                "detail": dumps(dict(detail or {})),
                "batch": None,
            }
        )

    def invalidate(self, *tags: str) -> None:
        """Hot answers that carry one of the tags are dropped in every worker process of this service."""
        self._tags.update(dict.fromkeys(tags))

    def once(self, work: Callable[[UnitOfWork, Sequence[Any]], Awaitable[None]], *subjects: Hashable) -> None:
        """Call `work` one time just before the commit, with all subjects that were given for it in this transaction.

        For what must be said once for each subject and transaction, however many writes touched it.
        """
        self._once.setdefault(work, {}).update(dict.fromkeys(subjects))

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._after_commit.append(callback)

    def answer(self, body: T, status: int = 200, headers: Mapping[str, str] | None = None) -> T:
        """Serialise the answer now, so that it is stored with the Idempotency-Key in the same commit.

        Returns the response; typed as the body so that a route's annotation stays the documented schema.
        """
        self._answer = Response(orjson.dumps(_jsonable(body)), status, dict(headers or {}), "application/json")
        return cast(T, self._answer)

    async def __aenter__(self) -> Self:
        self._at_work.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.commit()
        finally:
            try:
                await self.session.close()
            finally:
                self._at_work.__exit__(None, None, None)

    async def commit(self) -> None:
        session = self.session
        await session.flush()
        while self._once:
            work = next(iter(self._once))
            await work(self, list(self._once.pop(work)))
            await session.flush()
        if self._events:
            await self._write_outbox()
        await insert_rows(session, tables.audit_entry, self._audit)
        if self.idempotency is not None and self._answer is not None:
            await self._write_idempotency()
        if self._tags:
            await self._write_invalidations()
        if not session.in_transaction():
            return
        failpoints.hit("uow.before_commit")
        await session.commit()
        if self._events or self._audit:
            self.wiring.db.storage.wrote()
        failpoints.hit("uow.after_commit")
        self._tell()

    def _tell(self) -> None:
        if self._events:
            self.wiring.outbox_written.set()
        if self._tags:
            self.wiring.hot_cache.invalidate(self._tags)
        for callback in self._after_commit:
            callback()
        self._events, self._audit, self._tags, self._after_commit = [], [], {}, []

    async def _write_outbox(self) -> None:
        rows = []
        async for event, headers in in_turns(self._events):
            key, data = event.key, event.model_dump_json().encode()
            if len(data) > _LONGEST_EVENT:  # it would stop the outbox for good
                raise ValueError(f"{event.type} of {key} has {len(data)} bytes; the bus takes {_LONGEST_EVENT}")
            rows.append({"event_id": uuid7(), "key": key, "type": event.type, "headers": headers, "data": data})
        await outbox.append(self.session, topic_of(self.wiring.name), rows, self.now)

    async def _write_idempotency(self) -> None:
        assert self.idempotency is not None
        assert self._answer is not None
        key, request_hash = self.idempotency
        row = {
            "principal": self.principal.id,
            "key": key,
            "request_hash": request_hash,
            "status": self._answer.status_code,
            "headers": dumps(
                {k: v for k, v in self._answer.headers.items() if k not in ("content-length", "content-type")}
            ),
            "body": bytes(self._answer.body),
            "created_at": self.now,
        }
        await insert_rows(self.session, tables.idempotency, [row])

    async def _write_invalidations(self) -> None:
        result = await self.session.execute(
            text(
                "INSERT INTO hot_counter (name, last) VALUES ('hot', 1) "
                "ON CONFLICT (name) DO UPDATE SET last = hot_counter.last + 1 RETURNING last"
            )
        )
        await insert_rows(
            self.session,
            tables.hot_invalidation,
            [{"sequence": result.scalar_one(), "tags": dumps(list(self._tags)), "at": self.now}],
        )


def _trace_headers() -> str:
    """What the events that are published now inherit from the request or event that is being handled."""
    trace = context.current.get()
    if trace is None:
        return "{}"
    headers = {"traceparent": trace.traceparent, "correlationid": trace.correlation_id}
    if trace.causation_id:
        headers["causationid"] = trace.causation_id
    return dumps(headers)


def _jsonable(body: Any) -> Any:
    if hasattr(body, "model_dump"):
        return body.model_dump(mode="json")
    if isinstance(body, list):
        return [_jsonable(item) for item in body]
    if isinstance(body, dict):
        return {key: _jsonable(value) for key, value in body.items()}
    return body
