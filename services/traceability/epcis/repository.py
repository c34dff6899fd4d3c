"""Queries of the EPCIS repository."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import defer
from sqlmodel import col

from services.traceability.epcis.models import Capture
from services.traceability.graph.models import Edge, EpcisEvent, EventEpc
from services.traceability.masterdata.models import Place
from services.traceability.masterdata.supervision import supervised
from services.traceability.rights.repository import supported
from shared.area_scope import within
from shared.auth import Principal
from shared.db import AsyncSession
from shared.db.sql import chunks, insert_rows
from shared.turns import in_slices

IN_HAND = timedelta(minutes=10)
"""Longer than any job takes: after it another worker may begin what a worker that never came back had in hand."""
ROWS = 500
"""Written between two turns of the event loop."""
LANDED_DEPARTMENT = "department"
"""Whose ids the events have that a department captured before it was recorded which one."""
_e_id = col(EpcisEvent.event_id)
_SMALL = [defer(getattr(Capture, name), raiseload=True) for name in ("document", "duplicates", "errors")]


class KnownEvent(NamedTuple):
    """What is asked of an event that is stored already: a repeated document has 20,000, and their bodies are large."""

    event_id: str
    hash_id: str
    record_id: str
    declaration: bool


async def known(session: AsyncSession, captured_by: str, event_ids: Iterable[str]) -> list[KnownEvent]:
    """Events of one party that are stored under these ids, declarations among them."""
    parties = [captured_by, LANDED_DEPARTMENT] if captured_by.startswith("department:") else [captured_by]
    columns = [col(getattr(EpcisEvent, name)) for name in KnownEvent._fields]
    found: list[KnownEvent] = []
    for chunk in chunks(event_ids):
        statement = select(*columns).where(col(EpcisEvent.captured_by).in_(parties), _e_id.in_(chunk))
        found += starmap(KnownEvent, await session.execute(statement))
    return found


async def correctable(
    session: AsyncSession, principal: Principal, event_ids: Iterable[str]
) -> tuple[list[EpcisEvent], set[str]]:
    """What a department may declare in error under these ids, events of its own area that it can see, but none of an
    authority above it; and which of the ids somebody's event has at all."""
    found: list[EpcisEvent] = []
    taken: set[str] = set()
    for chunk in chunks(event_ids):
        statement = select(EpcisEvent).where(_e_id.in_(chunk), col(EpcisEvent.declaration).is_(False))
        found += (await session.execute(visible(statement, principal))).scalars()
        taken |= set((await session.execute(statement.with_only_columns(_e_id))).scalars())
    own = [event for event in found if principal.may_in(event.area_code)]
    return [event for event in own if event.captured_area is None or principal.may_in(event.captured_area)], taken


async def store(
    session: AsyncSession,
    events: Sequence[dict[str, Any]],
    objects: Sequence[dict[str, Any]],
    edges: Sequence[dict[str, Any]],
) -> None:
    for model, rows in ((EpcisEvent, events), (EventEpc, objects), (Edge, edges)):
        async for some in in_slices(rows, ROWS):
            await insert_rows(session, model, some)


async def mark_errored(session: AsyncSession, record_ids: Iterable[str], at: datetime) -> None:
    """The events take no part in the graph from now on."""
    for chunk in chunks(record_ids):
        await session.execute(
            update(EpcisEvent)
            .where(col(EpcisEvent.record_id).in_(chunk), col(EpcisEvent.errored_at).is_(None))
            .values(errored_at=at)
        )
        await session.execute(
            update(Edge).where(col(Edge.record_id).in_(chunk), col(Edge.known_to).is_(None)).values(known_to=at)
        )


async def by_id(session: AsyncSession, event_id: str, principal: Principal, captured_by: str) -> list[EpcisEvent]:
    """The event with this eventID or hash id, and its error declaration: the caller's own, else what it sees of others
    under that id."""
    statement = select(EpcisEvent).where(or_(_e_id == event_id, col(EpcisEvent.hash_id) == event_id))
    statement = visible(statement, principal).order_by(col(EpcisEvent.declaration), col(EpcisEvent.record_id))
    found = list((await session.execute(statement)).scalars())
    exact = [event for event in found if event.event_id == event_id] or found
    return [event for event in exact if event.captured_by == captured_by] or exact


def visible(statement: Select[Any], principal: Principal) -> Select[Any]:
    """An enterprise sees what it captured, and what names it as source or destination by a place that was its own
    before, or that a department or who captured the event confirmed to be its own: whoever registers a number that is
    in others' events opens nothing. A department sees what happened in its area, what firms captured that it supervises
    (where a place lies is the word of who registered it), and what names no registered place or product."""
    if principal.kind == "enterprise":
        own = col(Place.uscc) == principal.uscc
        # The list of own places is small and finds the events by their index; the place is judged for each of them.
        named = [
            and_(
                col(column).in_(select(col(Place.gln)).where(own)),
                exists().where(col(Place.gln) == col(column), own, supported()),
            )
            for column in (EpcisEvent.source_party, EpcisEvent.destination_party)
        ]
        return statement.where(or_(col(EpcisEvent.owner_uscc) == principal.uscc, *named))
    if principal.kind in ("department", "staff"):
        area = col(EpcisEvent.area_code)
        theirs = col(EpcisEvent.owner_uscc).in_(supervised(principal))
        return statement.where(or_(area.is_(None), within(area, principal.area), theirs))
    return statement


def has_object(fields: Sequence[str], values: Sequence[str], prefixes: Sequence[str]) -> Any:
    """The event names one of `values`, or a value that begins with one of `prefixes`, in one of `fields`."""
    alternatives: list[Any] = [col(EventEpc.value).in_(values)] if values else []
    alternatives += [col(EventEpc.value).startswith(prefix, autoescape=True) for prefix in prefixes]
    return exists().where(
        and_(col(EventEpc.record_id) == EpcisEvent.record_id, col(EventEpc.field).in_(fields), or_(*alternatives))
    )


async def count(session: AsyncSession, statement: Select[Any]) -> int:
    found: int = (await session.execute(select(func.count()).select_from(statement.subquery()))).scalar_one()
    return found


async def waiting(session: AsyncSession, limit: int = 10) -> list[str]:
    """The oldest job of each client that has one waiting, oldest first: one client's many documents, or a large one,
    hold no other's behind them for longer than the one in hand."""
    turn = func.row_number().over(
        partition_by=col(Capture.owner), order_by=(col(Capture.created_at), col(Capture.capture_id))
    )
    own = (
        select(col(Capture.capture_id), col(Capture.created_at), turn.label("turn"))
        .where(col(Capture.state) == "waiting")
        .subquery()
    )
    statement = select(own.c.capture_id).where(own.c.turn == 1).order_by(own.c.created_at, own.c.capture_id)
    return list((await session.execute(statement.limit(limit))).scalars())


async def begin(
    session: AsyncSession, capture_id: str, worker: str, now: datetime, *, survived: bool = False
) -> Capture | None:
    """Take the job in hand, and count it, in a transaction that is committed before the work: what kills the process
    leaves its mark. None where it is done, or another worker has it in hand. `survived`: the last time failed in a
    process that lives."""
    free = or_(col(Capture.worker).is_(None), col(Capture.worker) == worker, col(Capture.begun_at) < now - IN_HAND)
    await session.execute(
        update(Capture)
        .where(col(Capture.capture_id) == capture_id, col(Capture.state) == "waiting", free)
        .values(worker=worker, begun=1 if survived else col(Capture.begun) + 1, begun_at=now)
        .execution_options(synchronize_session=False)
    )
    statement = select(Capture).where(
        col(Capture.capture_id) == capture_id,
        col(Capture.state) == "waiting",
        col(Capture.worker) == worker,
        col(Capture.begun_at) == now,
    )
    found: Capture | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def release(session: AsyncSession, capture_id: str, worker: str) -> None:
    """The work ended without killing anybody."""
    await session.execute(
        update(Capture)
        .where(col(Capture.capture_id) == capture_id, col(Capture.worker) == worker)
        .values(worker=None, begun=0, begun_at=None)
        .execution_options(synchronize_session=False)
    )


async def set_aside(session: AsyncSession, limit: int, after: str | None = None) -> list[Capture]:
    """Jobs that wait for an operator, oldest first, without what is large of them."""
    statement = (
        select(Capture)
        .options(*_SMALL)
        .where(col(Capture.state) == "aside")
        .order_by(col(Capture.capture_id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(Capture.capture_id) > after)
    return list((await session.execute(statement)).scalars())


async def take(session: AsyncSession, capture_id: str) -> Capture | None:
    """The job, locked for this transaction; None where it is done, or another process has it."""
    statement = (
        select(Capture)
        .where(col(Capture.capture_id) == capture_id, col(Capture.state) == "waiting")
        .with_for_update(skip_locked=True)
    )
    found: Capture | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def captures_of(
    session: AsyncSession, owner: str, after: tuple[datetime, str] | None, limit: int
) -> list[Capture]:
    """Jobs of one client, newest first, without what is large of them."""
    statement = (
        select(Capture)
        .options(*_SMALL)
        .where(col(Capture.owner) == owner)
        .order_by(col(Capture.created_at).desc(), col(Capture.capture_id).desc())
        .limit(limit)
    )
    if after is not None:
        at, capture_id = after
        earlier = or_(
            col(Capture.created_at) < at, and_(col(Capture.created_at) == at, col(Capture.capture_id) < capture_id)
        )
        statement = statement.where(earlier)
    return list((await session.execute(statement)).scalars())
