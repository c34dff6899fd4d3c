"""Use cases of claims: list what waits for a word, confirm it or reject it; name makers; confirm places."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlmodel import col

from services.traceability.epcis.models import EpcisEvent, EventEpc
from services.traceability.epcis.owners import captured_by
from services.traceability.genealogy import repository as genealogy
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import MasterVersion, Party, Place, Product
from services.traceability.masterdata.supervision import Supervision
from services.traceability.rights import repository, service
from services.traceability.rights.changes import judge_again, places_changed, titles_changed
from services.traceability.rights.models import ClaimDecision, ProductMakers
from services.traceability.rights.repository import IN_FORCE, Registry
from services.traceability.rights.schemas import (
    ClaimedObject,
    ClaimOut,
    DecisionOut,
    MakerOut,
    MakersIn,
    MakersOut,
    PlaceConfirmationOut,
    ProductConfirmationOut,
)
from services.traceability.verdicts.service import publish_lots
from shared.area_scope import within
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import AsyncSession, UnitOfWork
from shared.db.sql import insert_rows, upsert
from shared.errors import FieldError, Invalid, NotFound

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
    objects: dict[str, list[ClaimedObject]] = {event.record_id: [] for event in events}
    waiting = [each for each in await genealogy.objects(session, objects) if not each.confirmed]
    if not own:
        asked = await supervision.of(session, {each.asks for each in waiting if each.asks})
        waiting = [each for each in waiting if _asks(principal, each.asks, asked)]
    for each in waiting:
        shown = each.model_dump(include=set(ClaimedObject.model_fields))
        objects[each.record_id].append(ClaimedObject(**shown))
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
            objects=objects[event.record_id],
            place=event.place_gln if _elsewhere(event, registry, principal) else None,
        )
        for event in events
    ]


def _asks(principal: Principal, asks: str | None, supervised: Mapping[str, Supervision]) -> bool:
    if principal.kind == "enterprise":
        return asks == principal.uscc
    return asks is None or supervised[asks].by(principal)


def _elsewhere(event: EpcisEvent, registry: Registry, principal: Principal) -> bool:
    """Whether its place is another's; who came late has no say in it, a department has."""
    return registry.elsewhere(event) and not (principal.kind == "enterprise" and registry.late(event))


async def decide(uow: UnitOfWork, record_id: str, *, confirmed: bool) -> DecisionOut:
    """Confirm or reject what one event says of the caller's objects and place, as far as it is not the caller's own
    word; a department decides on what belongs to firms that it supervises. Raises NotFound where the caller has no say
    in the event."""
    event = (await genealogy.events(uow.session, [record_id])).get(record_id)
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
    await upsert(uow.session, ClaimDecision, rows, key=["record_id", "node"])
    action = "claim.confirm" if confirmed else "claim.reject"
    uow.audit(action, subject=record_id, detail={"nodes": nodes[:50], "count": len(nodes)})
    named = await genealogy.objects(uow.session, [record_id])
    await publish_lots(uow, await judge_again(uow, {each.node for each in named}))
    return DecisionOut(record_id=record_id, confirmed=confirmed, nodes=nodes)


async def _decidable(uow: UnitOfWork, event: EpcisEvent) -> list[str]:
    principal = uow.principal
    named = {each.node for each in await genealogy.objects(uow.session, [event.record_id])}
    picture = await repository.picture(uow.session, named, "all")
    earlier = await repository.decisions(uow.session, [*named, PLACE])
    registry = await Registry.load(uow.session, [event.place_gln or ""])
    place = registry.places.get(event.place_gln or "")
    said = [row for node in named for row in picture.rows.get(node, ()) if row.record_id == event.record_id]
    owners = {picture.owner(row) for row in said} | {event.owner_uscc, place.uscc if place else None}
    supervised = await supervision.of(uow.session, {uscc for uscc in owners if uscc})
    found: list[str] = []
    for node in sorted(named):
        for row in picture.rows.get(node, ()):
            if row.record_id != event.record_id or node in found:
                continue
            if principal.kind == "enterprise":
                told = earlier.get((event.record_id, node))
                final = told is not None and told.decided_by is None  # a department's word stands
                mine = picture.owner(row) == principal.uscc and row.party != principal.uscc
                if mine and not final and not row.confirmed:
                    found.append(node)
            elif _supervises(principal, event, picture.owner(row), picture.area(row), supervised):
                found.append(node)
    if place is not None and _elsewhere(event, registry, principal):
        if principal.kind == "enterprise":
            own = principal.uscc == place.uscc
        else:
            own = principal.may_in(place.area_code) or supervised[place.uscc].by(principal)
        if own:
            found.append(PLACE)
    return found


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


async def name_makers(uow: UnitOfWork, gtin: str, body: MakersIn) -> MakersOut:
    """Who makes lots of the product beside its owner. Raises NotFound, Forbidden, Invalid."""
    await service.hold_title(uow.session, gtin)
    product = await _product(uow.session, gtin)
    uow.principal.require_owner(product.owner_uscc)
    await _require_area(uow, product.owner_uscc, product.area_code)
    parties = await masterdata.by_key(uow.session, Party, [maker.uscc for maker in body.makers])
    errors = [
        FieldError(
            f"/makers/{index}/uscc",
            "party.unknown",
            f"主体 {maker.uscc} 尚未登记，请先登记：PUT /v1/traceability/parties/{maker.uscc}",
            f"The party {maker.uscc} is not registered; register it first: PUT /v1/traceability/parties/{maker.uscc}",
        )
        for index, maker in enumerate(body.makers)
        if maker.uscc not in parties
    ]
    if errors:
        raise Invalid(errors)
    present = await uow.session.get(ProductMakers, gtin, populate_existing=True)
    before = {each["uscc"]: each["since"] for each in (present.makers if present is not None else ())}
    today = shanghai_date(uow.now).isoformat()
    makers = [maker.model_dump(mode="json") for maker in sorted(body.makers, key=lambda maker: maker.uscc)]
    for maker in makers:
        if maker["since"] is None:  # what it said before counts only where the owner says from when on it made lots
            maker["since"] = before.get(maker["uscc"], today)
    if present is None or present.makers != makers:
        version = present.version + 1 if present is not None else 1
        row = {"gtin": gtin, "makers": makers, "version": version, "updated_at": uow.now}
        await upsert(uow.session, ProductMakers, [row], key=["gtin"])
        kept = {"kind": "makers", "key": gtin, "version": version, "body": {"makers": makers}}
        await insert_rows(uow.session, MasterVersion, [kept | {"known_from": uow.now, "recorded_by": uow.principal.id}])
        uow.audit("makers.name", subject=gtin, detail={"version": version})
        uow.session.expire_all()
        await titles_changed(uow, [gtin])
    return await makers_of(uow.session, uow.principal, gtin)


async def _require_area(uow: UnitOfWork, uscc: str, area_code: str) -> None:
    """Of a department: that it supervises the firm, or where its product or place is."""
    if uow.principal.kind == "department" and not uow.principal.may_in(area_code):
        await supervision.require(uow.session, uow.principal, uscc)


async def makers_of(session: AsyncSession, principal: Principal, gtin: str) -> MakersOut:
    """For the owner, its makers, departments and staff."""
    product = await _product(session, gtin)
    named = await session.get(ProductMakers, gtin)
    rows: list[dict[str, Any]] = named.makers if named is not None else []
    if principal.uscc not in {row["uscc"] for row in rows}:
        principal.require_owner(product.owner_uscc)
    names = await masterdata.party_names(session, {row["uscc"] for row in rows})
    return MakersOut(
        gtin=gtin,
        owner_uscc=product.owner_uscc,
        makers=[MakerOut(**row, name=names.get(row["uscc"])) for row in rows],
        version=named.version if named is not None else 0,
        updated_at=named.updated_at if named is not None else None,
    )


async def _product(session: AsyncSession, gtin: str) -> Product:
    product = (await masterdata.by_key(session, Product, [gtin])).get(gtin)
    if product is None:
        raise NotFound(
            "product",
            zh=f"没有登记的商品 {gtin}，请先登记：PUT /v1/traceability/products/{gtin}",
            en=f"No registered product {gtin}; register it first: PUT /v1/traceability/products/{gtin}",
        )
    return product


async def confirm_product(uow: UnitOfWork, gtin: str) -> ProductConfirmationOut:
    """Say that the GTIN is who registered it: a department of its area for everybody, an enterprise for what it told of
    the GTIN itself before."""
    await service.hold_title(uow.session, gtin)
    product = await _product(uow.session, gtin)
    await _require_area(uow, product.owner_uscc, product.area_code)
    if await masterdata.confirm_products(uow, {gtin: product.owner_uscc}):
        uow.audit("product.confirm", subject=gtin, detail={"uscc": product.owner_uscc})
        await titles_changed(uow, [gtin])
    by = captured_by(uow.principal)
    return ProductConfirmationOut(gtin=gtin, owner_uscc=product.owner_uscc, confirmed_by=by)


async def confirm_place(uow: UnitOfWork, gln: str) -> PlaceConfirmationOut:
    """Say that the place is who registered it: a department of its area for everybody, an enterprise for the events
    that it captured itself."""
    await service.hold_title(uow.session, gln)
    place = (await masterdata.by_key(uow.session, Place, [gln])).get(gln)
    if place is None:
        raise NotFound("place", zh=f"没有登记的场所 {gln}", en=f"No registered place {gln}")
    await _require_area(uow, place.uscc, place.area_code)
    if await masterdata.confirm_place(uow, gln, place.uscc):
        uow.audit("place.confirm", subject=gln, detail={"uscc": place.uscc})
        await places_changed(uow, [gln])
    return PlaceConfirmationOut(gln=gln, uscc=place.uscc, confirmed_by=captured_by(uow.principal))
