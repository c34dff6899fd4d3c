"""Who makes a product, and whose a GTIN or a place is: makers are named, registrations confirmed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from services.traceability.callers import captured_by
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import MasterVersion, Party, Place, Product
from services.traceability.rights import confirmations, service
from services.traceability.rights.changes import places_changed, titles_changed
from services.traceability.rights.models import ProductMakers
from services.traceability.rights.schemas import (
    MakerIn,
    MakerOut,
    MakersIn,
    MakersOut,
    PlaceConfirmationOut,
    ProductConfirmationOut,
)
from shared.auth import Principal
from shared.clock import shanghai_date, start_of_day
from shared.db import AsyncSession, UnitOfWork
from shared.db.sql import insert_rows, upsert
from shared.errors import FieldError, Invalid, NotFound

MOST_MAKERS = 1_000
"""Of a product in all its time."""


async def name_makers(uow: UnitOfWork, gtin: str, body: MakersIn) -> MakersOut:
    """Who makes lots of the product beside its owner. Raises NotFound, Forbidden, Invalid."""
    await service.hold_title(uow.session, gtin)
    product = await _product(uow.session, gtin)
    uow.principal.require_owner(product.owner_uscc)
    await _require_area(uow.session, uow.principal, product.owner_uscc, product.area_code)
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
    before = present.makers if present is not None else []
    today = shanghai_date(uow.now)
    past = [] if uow.principal.kind == "department" else await _named_before(uow.session, gtin, today)
    makers = _named_now(body.makers, before, past, today)
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


async def _named_before(session: AsyncSession, gtin: str, today: date) -> list[dict[str, Any]]:
    """The makers as they stood when today began, those that had begun: what is wrong is corrected on the same day."""
    statement = (
        select(col(MasterVersion.body))
        .where(col(MasterVersion.kind) == "makers", col(MasterVersion.key) == gtin)
        .where(col(MasterVersion.known_from) < start_of_day(today))
        .order_by(col(MasterVersion.version).desc())
        .limit(1)
    )
    body = (await session.execute(statement)).scalar_one_or_none()
    named: list[dict[str, Any]] = body["makers"] if body is not None else []
    return [each for each in named if (each["since"] or "") <= today.isoformat()]


def _named_now(
    named: Sequence[MakerIn], before: Sequence[Mapping[str, Any]], past: Sequence[Mapping[str, Any]], today: date
) -> list[dict[str, Any]]:
    """The makers from now on. What one made while it was a maker stays its own: whom the owner leaves out ends today,
    and only a department takes back what was named before today (`past`). Raises Invalid.

    One that is new begins today: what it said before counts only where the owner says from when on it made lots.
    """
    begun = {each["uscc"]: each["since"] for each in before}
    kept = {each["uscc"]: each for each in past}
    errors, found = [], {}
    for index, maker in enumerate(named):
        row = maker.model_dump(mode="json")
        row["since"] = row["since"] or begun.get(maker.uscc) or today.isoformat()
        if maker.uscc in kept and not _keeps(row, kept[maker.uscc], today):
            errors.append(_of_the_past(index, kept[maker.uscc]))
        found[maker.uscc] = row
    for uscc in kept.keys() - found.keys():
        found[uscc] = {**kept[uscc], "until": _end(kept[uscc], today)}
    if len(found) > MOST_MAKERS:
        zh = f"一个商品最多 {MOST_MAKERS} 个生产者，含已截止的"
        errors.append(
            FieldError("/makers", "maker.too_many", zh, f"At most {MOST_MAKERS} makers, with those that ended")
        )
    if errors:
        raise Invalid(errors)
    return [found[uscc] for uscc in sorted(found)]


def _end(maker: Mapping[str, Any], today: date) -> str:
    """The last day that is not taken back any more."""
    return min(maker.get("until") or today.isoformat(), today.isoformat())


def _keeps(row: Mapping[str, Any], past: Mapping[str, Any], today: date) -> bool:
    since = past["since"] is None or row["since"] <= past["since"]
    return since and (row["until"] is None or row["until"] >= _end(past, today))


def _of_the_past(index: int, past: Mapping[str, Any]) -> FieldError:
    days = f"{past['since'] or ''}/{past.get('until') or ''}"
    return FieldError(
        f"/makers/{index}",
        "maker.past",
        f"该生产者已登记为 {days}，其间生产的批次归它：起始日不能推后，截止日不能早于今天；登记有误的，请监管部门更正",
        f"The maker was named for {days}, and what it made then is its own: its first day cannot move later, nor its "
        "last day before today; a department of the area corrects a false naming",
    )


async def _require_area(session: AsyncSession, principal: Principal, uscc: str, area_code: str) -> None:
    """Of an authority: that it supervises the firm, or where its product or place is."""
    if principal.kind != "enterprise" and not principal.may_in(area_code):
        await supervision.require(session, principal, uscc)


async def makers_of(session: AsyncSession, principal: Principal, gtin: str) -> MakersOut:
    """For the owner, its makers, and authorities that supervise it or them. Raises NotFound, Forbidden."""
    product = await _product(session, gtin)
    named = await session.get(ProductMakers, gtin)
    rows: list[dict[str, Any]] = named.makers if named is not None else []
    if principal.uscc not in {row["uscc"] for row in rows}:
        principal.require_owner(product.owner_uscc)
    await _require_area(session, principal, product.owner_uscc, product.area_code)
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
    await _require_area(uow.session, uow.principal, product.owner_uscc, product.area_code)
    if await confirmations.confirm_products(uow, {gtin: product.owner_uscc}):
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
    await _require_area(uow.session, uow.principal, place.uscc, place.area_code)
    if await confirmations.confirm_place(uow, gln, place.uscc):
        uow.audit("place.confirm", subject=gln, detail={"uscc": place.uscc})
        await places_changed(uow, [gln])
    return PlaceConfirmationOut(gln=gln, uscc=place.uscc, confirmed_by=captured_by(uow.principal))
