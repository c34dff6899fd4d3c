"""Registering parties, places, products and lots: idempotent by their natural key, each change a new version.

One path for one and for many: the list of results has a receipt, or the error of that item alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.traceability.alerts import service as alerts
from services.traceability.base import Table
from services.traceability.graph import repository as graph
from services.traceability.masterdata import repository, rules, supervision
from services.traceability.masterdata.models import Lot, Party, Place, Product
from services.traceability.masterdata.supervision import Supervision
from services.traceability.recalls import service as recalls
from services.traceability.registration.schemas import LotIn, PartyIn, PlaceIn, ProductIn, RegisterReceipt
from services.traceability.rights import confirmations
from services.traceability.rights import service as rights
from services.traceability.rights.changes import party_placed, places_changed, titles_changed
from shared.auth import Principal
from shared.db import UnitOfWork
from shared.db.locks import hold
from shared.db.sql import table_of
from shared.errors import FieldError, Forbidden, Invalid, PlatformError
from shared.events.traceability import PartyUpdated, ProductUpdated
from shared.identifiers import gs1
from shared.reference import areas

Result = RegisterReceipt | PlatformError


async def register_party(uow: UnitOfWork, uscc: str, body: PartyIn) -> RegisterReceipt:
    uow.principal.require_owner(uscc)
    await hold(uow.session, "traceability.party", [uscc])
    present = (await repository.by_key(uow.session, Party, [uscc])).get(uscc)
    (await supervision.of(uow.session, [uscc]))[uscc].require_area(uow.principal, body.area_code)
    moved = present is not None and present.area_code != body.area_code
    if moved:
        _require_reason(body.reason)
    former = present.area_code if present and moved else None
    renamed = present is None or present.name != body.name
    row = body.model_dump(mode="json", exclude={"reason"}) | {"uscc": uscc}
    told = {uscc: _change("area_code", former, body.area_code, body.reason)} if moved else {}
    rows = {uscc: present} if present else {}
    [receipt] = await _write(uow, "party", Party, {uscc: row}, rows, "parties", told)
    if receipt.status != "unchanged":
        uow.publish(PartyUpdated(party_id=uscc, name=body.name, area_code=body.area_code, roles=list(body.roles)))
        uow.invalidate(f"party:{uscc}")
        if former is not None:
            await _follow_area(uow, uscc, former, body.area_code)
        if present is None or moved:  # where it is decides on what departments said of what it had
            await uow.session.flush()
            await party_placed(uow, uscc)
        if renamed or moved:
            uow.touch("lot", *await repository.lot_ids_of(uow.session, uscc=uscc))
    return receipt


async def _follow_area(uow: UnitOfWork, uscc: str, former: str, area_code: str) -> None:
    """What its new authority takes over with the firm: its products, open recalls and open alerts."""
    await repository.move_products(uow.session, uscc, area_code)
    await recalls.follow_area(uow, uscc, area_code)
    await alerts.follow_area(uow, uscc, former, area_code)


async def register_place(uow: UnitOfWork, gln: str, body: PlaceIn) -> RegisterReceipt:
    uow.principal.require_owner(body.uscc)
    await rights.hold_title(uow.session, gln)
    present = (await repository.by_key(uow.session, Place, [gln])).get(gln)
    before = present.uscc if present is not None else None
    _require_area(uow.principal, body.area_code, present.area_code if present else None)
    if not await repository.by_key(uow.session, Party, [body.uscc]):
        raise Invalid([_unknown_party("/uscc", body.uscc)])
    if uow.principal.kind != "enterprise":
        await supervision.require(uow.session, uow.principal, body.uscc)
    told: dict[str, Any] = {}
    if present is not None:
        _require_present_owner(uow.principal, present.uscc, f"GLN {gln}", f"/v1/traceability/places/{gln}")
        if present.uscc != body.uscc:
            _require_reason(body.reason)
            for one in (await supervision.of(uow.session, [present.uscc, body.uscc])).values():
                one.require(uow.principal)
            told = _change("uscc", present.uscc, body.uscc, body.reason)
        if present.area_code != body.area_code:
            _require_authority_of_place(uow.principal, gln, present.area_code)
            _require_reason(body.reason)
            told |= _change("area_code", present.area_code, body.area_code, body.reason)
    since = present.since if present is not None and present.uscc == body.uscc else uow.id()
    row = body.model_dump(exclude={"reason"}) | {"gln": gln, "since": since}
    [receipt] = await _write(uow, "place", Place, {gln: row}, {gln: present} if present else {}, "places", {gln: told})
    if uow.principal.kind == "department" and await confirmations.confirm_place(uow, gln, body.uscc):
        before = None  # a department's word opens earlier events too
    if before != body.uscc:
        await uow.session.flush()
        await places_changed(uow, [gln])
    if receipt.status != "unchanged":
        # Events may have named the place before anybody registered it: its name now stands in their lots' journeys.
        seen = await graph.nodes_at(uow.session, gln, graph.CONCERNED_NODES)
        uow.touch("lot", *await graph.concerned_lots(uow.session, seen))
    return receipt


async def register_products(uow: UnitOfWork, items: Mapping[str, ProductIn]) -> list[Result]:
    """`items`: GTIN-14 to body, in the order of the results."""
    await rights.hold_title(uow.session, *items)
    present = await repository.by_key(uow.session, Product, items)
    parties = await repository.by_key(uow.session, Party, {body.owner_uscc for body in items.values()})
    owners = {body.owner_uscc for body in items.values()} | {row.owner_uscc for row in present.values()}
    supervised = await supervision.of(uow.session, owners)
    former = {gtin: row.owner_uscc for gtin, row in present.items()}
    results: dict[str, Result] = {}
    rows: dict[str, dict[str, Any]] = {}
    for gtin, body in items.items():
        try:
            owner = parties.get(body.owner_uscc)
            row = _product_row(uow.principal, gtin, body, present.get(gtin), owner, supervised)
            same = former.get(gtin) == body.owner_uscc
            rows[gtin] = row | {"since": present[gtin].since if same else uow.id()}
        except PlatformError as error:
            results[gtin] = error
    given = {gtin: items[gtin] for gtin in rows if former.get(gtin, items[gtin].owner_uscc) != items[gtin].owner_uscc}
    told = {gtin: _change("owner_uscc", former[gtin], body.owner_uscc, body.reason) for gtin, body in given.items()}
    written = await _write(uow, "product", Product, rows, present, "products", told)
    changed_lots: list[str] = []
    for gtin, receipt in zip(rows, written, strict=True):
        results[gtin] = receipt
        if receipt.status != "unchanged":
            body = items[gtin]
            uow.publish(ProductUpdated(gtin=gtin, **body.model_dump(exclude={"min_celsius", "max_celsius", "reason"})))
            uow.invalidate(f"product:{gtin}")
        if receipt.status == "updated":
            changed_lots += await repository.lot_ids_of(uow.session, gtin=gtin)
    await repository.hand_over_lots(uow.session, {gtin: body.owner_uscc for gtin, body in given.items()})
    confirmed: set[str] = set()
    if uow.principal.kind != "enterprise":  # its word opens what was told before, too
        confirmed = await confirmations.confirm_products(uow, {gtin: items[gtin].owner_uscc for gtin in rows})
    await titles_changed(uow, {gtin for gtin in rows if former.get(gtin) != items[gtin].owner_uscc} | confirmed)
    uow.touch("lot", *changed_lots)
    return [results[gtin] for gtin in items]


def _product_row(
    principal: Principal,
    gtin: str,
    body: ProductIn,
    present: Product | None,
    owner: Party | None,
    supervised: Mapping[str, Supervision],
) -> dict[str, Any]:
    principal.require_owner(body.owner_uscc)
    if present is not None:
        _require_present_owner(principal, present.owner_uscc, f"GTIN {gtin}", f"/v1/traceability/products/{gtin}")
    if owner is None:
        raise Invalid([_unknown_party("/owner_uscc", body.owner_uscc)])
    if principal.kind != "enterprise":
        supervised[body.owner_uscc].require(principal)
        if present is not None and present.owner_uscc != body.owner_uscc:
            supervised[present.owner_uscc].require(principal)
            _require_reason(body.reason)
    return body.model_dump(exclude={"reason"}) | {"gtin": gtin, "area_code": owner.area_code}


async def register_lots(uow: UnitOfWork, items: Mapping[str, LotIn]) -> list[Result]:
    """`items`: lot id to body, in the order of the results."""
    await hold(uow.session, "traceability.lot", items)
    present = await repository.by_key(uow.session, Lot, items)
    products = await repository.by_key(uow.session, Product, {gs1.split_lot_id(lot_id)[0] for lot_id in items})
    glns = {body.origin_gln for body in items.values() if body.origin_gln}
    places = await repository.by_key(uow.session, Place, glns)
    owners = {each: products[each[:14]].owner_uscc for each in items if each[:14] in products}
    owners |= await rights.lot_titles(uow.session, owners)
    supervised = await supervision.of(uow.session, owners.values())
    results: dict[str, Result] = {}
    rows: dict[str, dict[str, Any]] = {}
    for lot_id, body in items.items():
        try:
            owner = supervised.get(owners.get(lot_id, ""))
            rows[lot_id] = _lot_row(uow, lot_id, body, present.get(lot_id), products, places, owner)
        except PlatformError as error:
            results[lot_id] = error
    written = await _write(uow, "lot", Lot, rows, present, "lots")
    results |= dict(zip(rows, written, strict=True))
    changed = [lot_id for lot_id, receipt in zip(rows, written, strict=True) if receipt.status != "unchanged"]
    uow.touch("lot", *changed)
    return [results[lot_id] for lot_id in items]


def _lot_row(
    uow: UnitOfWork,
    lot_id: str,
    body: LotIn,
    present: Lot | None,
    products: Mapping[str, Product],
    places: Mapping[str, Place],
    owner: Supervision | None,
) -> dict[str, Any]:
    gtin, lot = gs1.split_lot_id(lot_id)
    product = products.get(gtin)
    errors: list[FieldError] = []
    if product is None or owner is None:
        errors.append(
            FieldError(
                "{gtin}",
                "product.unknown",
                f"商品 {gtin} 尚未登记，请先登记：PUT /v1/traceability/products/{gtin}",
                f"The product {gtin} is not registered; register it first: PUT /v1/traceability/products/{gtin}",
            )
        )
        raise Invalid(errors)
    uow.principal.require_owner(owner.uscc)
    if uow.principal.kind != "enterprise":
        owner.require(uow.principal)
    expires_on = body.expires_on
    if expires_on is None and product.shelf_life_days is None:
        errors.append(
            FieldError(
                "/expires_on",
                "lot.expires_on",
                "商品没有登记保质期，请给出到期日",
                "The product has no shelf life; give expires_on",
            )
        )
    elif expires_on is None and product.shelf_life_days is not None:
        try:
            expires_on = rules.expires_on(body.produced_on, product.shelf_life_days)
        except OverflowError:
            zh, en = "保质期的最后一天超出日历", "The shelf life ends beyond the calendar"
            errors.append(FieldError("/produced_on", "lot.produced_on", zh, en))
    place = places.get(body.origin_gln or "")
    if body.origin_gln and place is None:
        errors.append(
            FieldError(
                "/origin_gln",
                "place.unknown",
                f"场所 {body.origin_gln} 尚未登记",
                f"The place {body.origin_gln} is not registered",
            )
        )
    if errors:
        raise Invalid(errors)
    origin = body.origin or (_area_name(place.area_code) if place else None)
    return body.model_dump() | {
        "lot_id": lot_id,
        "gtin": gtin,
        "lot": lot,
        "owner_uscc": owner.uscc,
        "expires_on": expires_on,
        "origin": origin,
        "first_seen_at": present.first_seen_at if present else uow.now,
        "registered_at": (present.registered_at if present else None) or uow.now,
        "acknowledged": True,
    }


def _area_name(code: str) -> str:
    """`山东省烟台市栖霞市`: the names from the province down."""
    names: list[str] = []
    at: str | None = code
    while at is not None and at != "100000":
        area = areas.get(at)
        if area is not None:
            names.append(area.name)
        at = areas.registry().parent(at)
    return "".join(reversed(names))


async def _write(
    uow: UnitOfWork,
    kind: str,
    model: type[Table],
    rows: Mapping[str, Mapping[str, Any]],
    present: Mapping[str, Any],
    path: str,
    told: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[RegisterReceipt]:
    """Store what differs from the present rows; a receipt for each row, in order. `told`: for the audit log."""
    receipts: list[RegisterReceipt] = []
    changed: list[dict[str, Any]] = []
    for key, row in rows.items():
        before = present.get(key)
        version = before.version if before else 0
        same = version > 0 and all(_same(getattr(before, name), value) for name, value in row.items())
        if not same:
            version += 1
            changed.append({**row, "version": version, "updated_at": uow.now})
        status = "unchanged" if same else "created" if version == 1 else "updated"
        link = f"/v1/traceability/{path}/{key}"
        receipts.append(RegisterReceipt(id=key, version=version, status=status, links={"self": link}))
    await repository.store(uow, kind, model, changed)
    for row in changed:
        key = str(row[next(iter(table_of(model).primary_key.columns)).key])
        uow.audit(f"{kind}.register", subject=key, detail={"version": row["version"], **(told or {}).get(key, {})})
    return receipts


def _same(before: Any, now: Any) -> bool:
    return bool(before == now)


def _require_area(principal: Principal, *codes: str | None) -> None:
    """Departments write inside their area only; enterprises are bound by ownership."""
    if principal.kind == "department":
        for code in codes:
            if code is not None:
                principal.require_area(code)


def _require_present_owner(principal: Principal, uscc: str, what: str, path: str) -> None:
    if principal.kind == "enterprise" and principal.uscc != uscc:
        raise Forbidden(
            "owner",
            zh=f"{what} 已由另一家企业登记；它若属于贵企业，请由同时监管双方的部门核实后转移：PUT {path}（附 reason）",
            en=f"{what} is registered to another enterprise. If it is yours, a department that supervises both "
            f"verifies it and transfers it: PUT {path} with a reason",
        )


def _require_authority_of_place(principal: Principal, gln: str, area_code: str) -> None:
    if principal.kind == "enterprise":
        raise Forbidden(
            "place.area",
            zh=f"场所 {gln} 登记在 {area_code}，企业不能变更其地区；请由同时管辖两地的部门变更："
            f"PUT /v1/traceability/places/{gln}",
            en=f"The place {gln} is registered in {area_code}; an enterprise does not change that. A department that "
            f"covers both areas does: PUT /v1/traceability/places/{gln}",
        )


def _require_reason(reason: str | None) -> None:
    if reason is None:
        zh, en = "变更归属或地区须写明理由", "A change of owner or area needs a reason"
        raise Invalid([FieldError("/reason", "register.reason", zh, en)])


def _change(field: str, old: str | None, new: str, reason: str | None) -> dict[str, Any]:
    return {field: {"from": old, "to": new}, "reason": reason}


def _unknown_party(pointer: str, uscc: str) -> FieldError:
    return FieldError(
        pointer,
        "party.unknown",
        f"主体 {uscc} 尚未登记，请先登记：PUT /v1/traceability/parties/{uscc}",
        f"The party {uscc} is not registered; register it first: PUT /v1/traceability/parties/{uscc}",
    )


def raise_first(results: Sequence[Result]) -> RegisterReceipt:
    """The one receipt of a single registration."""
    [result] = results
    if isinstance(result, PlatformError):
        raise result
    return result
