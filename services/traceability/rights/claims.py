"""Use cases of claims: list what waits for a word, confirm it or reject it."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlmodel import col

from services.traceability.callers import captured_by
from services.traceability.graph import repository as graph
from services.traceability.graph.models import EpcisEvent, EventEpc
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import Place
from services.traceability.masterdata.supervision import Supervision
from services.traceability.rights import repository
from services.traceability.rights.changes import judge_again
from services.traceability.rights.models import ClaimDecision
from services.traceability.rights.repository import IN_FORCE, Registry
from services.traceability.rights.rules import Picture, Row, shown_asks
from services.traceability.rights.schemas import (
    ClaimedObject,
    ClaimOut,
    DecisionOut,
)
from shared.area_scope import within
from shared.auth import Principal
from shared.db import AsyncSession, UnitOfWork
from shared.db.sql import upsert
from shared.errors import NotFound
from shared.turns import aside, in_slices

MOST_OBJECTS = 100
"""Of one event, told with a claim; an event may name thousands."""
PLACE = "place"
"""What stands for an object in a decision on where an event was."""


async def waiting(
    session: AsyncSession, principal: Principal, *, own: bool, after: str | None, limit: int
) -> list[ClaimOut]:
    """Claims on the caller's objects and places (a department: of firms that it supervises), or the caller's own that
    wait for others; oldest first. What was rejected waits no more."""
    said = or_(col(ClaimDecision.decided_by).is_(None), col(ClaimDecision.decided_by) == col(EventEpc.asks))
    decided = exists().where(
        col(ClaimDecision.record_id) == col(EpcisEvent.record_id), col(ClaimDecision.node) == col(EventEpc.node), said
    )
    place_decided = exists().where(
        col(ClaimDecision.record_id) == col(EpcisEvent.record_id), col(ClaimDecision.node) == PLACE
    )
    mine = select(col(Place.gln))
    early: ColumnElement[bool] = true()
    if own:
        objects = and_(col(EventEpc.confirmed).is_(False), col(EpcisEvent.captured_by) == captured_by(principal))
        places = None
    elif principal.kind == "enterprise":
        objects = col(EventEpc.asks) == principal.uscc
        places = mine.where(col(Place.uscc) == principal.uscc)
        early = exists().where(col(Place.gln) == col(EpcisEvent.place_gln), repository.supported())
    else:
        local = supervision.supervised(principal)
        nobody = and_(col(EventEpc.confirmed).is_(False), col(EventEpc.asks).is_(None))
        inside = or_(within(col(EpcisEvent.area_code), principal.area), col(EpcisEvent.owner_uscc).in_(local))
        objects = or_(col(EventEpc.asks).in_(local), and_(nobody, inside))
        places = mine.where(or_(within(col(Place.area_code), principal.area), col(Place.uscc).in_(local)))
    asked = (
        select(col(EpcisEvent.record_id))
        .join(EventEpc, col(EventEpc.record_id) == col(EpcisEvent.record_id))
        .where(objects, IN_FORCE, ~decided)
    )
    if places is not None:
        owner = select(col(Place.uscc)).where(col(Place.gln) == col(EpcisEvent.place_gln)).scalar_subquery()
        elsewhere = select(col(EpcisEvent.record_id)).where(
            col(EpcisEvent.place_gln).in_(places), col(EpcisEvent.owner_uscc) != owner, early, IN_FORCE, ~place_decided
        )
        asked = asked.union(elsewhere)  # type: ignore[assignment]
    records = asked.subquery()
    statement = select(EpcisEvent).where(col(EpcisEvent.record_id).in_(select(records)))
    if after is not None:
        statement = statement.where(col(EpcisEvent.record_id) > after)
    events = (await session.execute(statement.order_by(col(EpcisEvent.record_id)).limit(limit))).scalars().all()
    return await _claims(session, events, principal, own=own)


async def _claims(
    session: AsyncSession, events: Sequence[EpcisEvent], principal: Principal, *, own: bool
) -> list[ClaimOut]:
    """Of each event what it says of the objects that ask this caller: the others are other firms' affair."""
    objects, counts = await _waiting_objects(session, [event.record_id for event in events], principal, own=own)
    registry = await Registry.load(session, {event.place_gln for event in events if event.place_gln})
    names = await masterdata.party_names(session, {event.captured_by for event in events})
    return [
        ClaimOut(
            record_id=event.record_id,
            event_id=event.event_id,
            event_type=event.event_type,
            biz_step=event.biz_step,
            at=event.event_time,
            recorded_at=event.record_time,
            claimant=event.captured_by,
            claimant_name=names.get(event.captured_by),
            objects=objects.get(event.record_id, []),
            objects_count=counts.get(event.record_id, 0),
            place=event.place_gln if _elsewhere(event, registry, principal) else None,
        )
        for event in events
    ]


async def _waiting_objects(
    session: AsyncSession, record_ids: Sequence[str], principal: Principal, *, own: bool
) -> tuple[dict[str, list[ClaimedObject]], dict[str, int]]:
    """Of each event the first objects that wait for the caller (its own: for anybody), and how many do."""
    asks = col(EventEpc.asks)
    if own:
        mine: ColumnElement[bool] = true()
    elif principal.kind == "enterprise":
        mine = asks == principal.uscc
    else:
        mine = or_(asks.is_(None), asks.in_(supervision.supervised(principal)))
    columns = [col(getattr(EventEpc, name)) for name in ClaimedObject.model_fields]
    record = col(EventEpc.record_id)
    place = func.row_number().over(partition_by=record, order_by=col(EventEpc.position)).label("place")
    count = func.count().over(partition_by=record).label("count")
    waiting = (
        select(record, place, count, *columns)
        .where(record.in_(record_ids), col(EventEpc.confirmed).is_(False), mine)
        .subquery()
    )
    statement = select(waiting).where(waiting.c.place <= MOST_OBJECTS).order_by(waiting.c.record_id, waiting.c.place)
    objects: dict[str, list[ClaimedObject]] = {}
    counts: dict[str, int] = {}
    for row in (await session.execute(statement)).all():
        shown = {name: getattr(row, name) for name in ClaimedObject.model_fields}
        shown["asks"] = shown_asks(principal, row.node, row.asks) if own else row.asks
        objects.setdefault(row.record_id, []).append(ClaimedObject(**shown))
        counts[row.record_id] = row.count
    return objects, counts


def _elsewhere(event: EpcisEvent, registry: Registry, principal: Principal) -> bool:
    """Whether its place is another's; who came late has no say in it, a department has."""
    return registry.elsewhere(event) and not (principal.kind == "enterprise" and registry.late(event))


async def decide(uow: UnitOfWork, record_id: str, *, confirmed: bool) -> DecisionOut:
    """Confirm or reject what one event says of the caller's objects and place, as far as it is not the caller's own
    word; a department decides on what belongs to firms that it supervises. Raises NotFound where the caller has no say
    in the event."""
    event = (await graph.events(uow.session, [record_id])).get(record_id)
    nodes = await _decidable(uow, event) if event is not None and event.errored_at is None else []
    if not nodes:
        raise NotFound(
            "claim",
            zh=f"没有您可以决定的申报 {record_id}；待决定的见 GET /v1/traceability/claims",
            en=f"There is no claim {record_id} that you decide on; what waits stands in GET /v1/traceability/claims",
        )
    uscc = uow.principal.uscc if uow.principal.kind == "enterprise" else None
    rows = [
        {"record_id": record_id, "node": node, "confirmed": confirmed, "decided_by": uscc, "decided_at": uow.now}
        for node in nodes
    ]
    async for some in in_slices(rows, 500):
        await upsert(uow.session, ClaimDecision, some, key=["record_id", "node"])
    action = "claim.confirm" if confirmed else "claim.reject"
    uow.audit(action, subject=record_id, detail={"nodes": nodes[:50], "count": len(nodes)})
    await judge_again(uow, await graph.nodes_of(uow.session, [record_id]))
    return DecisionOut(record_id=record_id, confirmed=confirmed, nodes=nodes)


async def _decidable(uow: UnitOfWork, event: EpcisEvent) -> list[str]:
    """Nodes that the event names, and `PLACE`, on which the caller decides."""
    principal, session = uow.principal, uow.session
    named = await graph.nodes_of(session, [event.record_id])
    picture = await repository.picture(session, named, "all")
    said = await aside(len(named), _said_by, event.record_id, picture, named)
    owners = await aside(len(said), lambda: {picture.owner(row) for row in said})
    registry = await Registry.load(session, [event.place_gln or ""])
    place = registry.places.get(event.place_gln or "")
    known = {uscc for uscc in owners | {event.owner_uscc, place.uscc if place else None} if uscc}
    supervised = await supervision.of(session, known)
    found = await aside(len(said), _decided_by, principal, event, picture, said, supervised)
    await aside(len(said), picture.let_go)
    if place is not None and _elsewhere(event, registry, principal):
        told = await session.get(ClaimDecision, (event.record_id, PLACE))
        if principal.kind == "enterprise":
            own = principal.uscc == place.uscc and not (told is not None and told.decided_by is None)
        else:
            own = principal.may_in(place.area_code) or supervised[place.uscc].by(principal)
        if own:
            found.append(PLACE)
    return found


def _said_by(record_id: str, picture: Picture, nodes: Iterable[str]) -> list[Row]:
    return [row for node in sorted(nodes) for row in picture.rows.get(node, ()) if row.record_id == record_id]


def _decided_by(
    principal: Principal,
    event: EpcisEvent,
    picture: Picture,
    said: Sequence[Row],
    supervised: Mapping[str, Supervision],
) -> list[str]:
    """The nodes of what the event says on which the principal decides. A department's word stands."""
    found: dict[str, None] = {}
    for row in said:
        if row.node in found:
            continue
        if principal.kind == "enterprise":
            told = picture.decisions.get((event.record_id, row.node))
            final = told is not None and told.decided_by is None
            mine = picture.owner(row) == principal.uscc and row.party != principal.uscc
            if mine and not final and not row.confirmed:
                found[row.node] = None
        elif _supervises(principal, event, picture.owner(row), picture.area(row), supervised):
            found[row.node] = None
    return list(found)


def _supervises(
    principal: Principal,
    event: EpcisEvent,
    owner: str | None,
    area: str | None,
    supervised: Mapping[str, Supervision],
) -> bool:
    """Whether it is this authority that decides: whose area the owner's is. Where no register knows the owner, nor
    `area`, it is whose area the event's is, which the claimant may have chosen, or the claimant's."""
    known = supervised.get(owner or "")
    if known is not None and known.by(principal):
        return True
    if area is not None:
        return principal.may_in(area)
    if known is not None and (known.area_code or known.register):
        return False
    claimant = supervised.get(event.owner_uscc or "")
    return principal.may_in(event.area_code) or (claimant is not None and claimant.by(principal))
