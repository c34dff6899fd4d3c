"""Lots over HTTP. The public asks for a verdict instead; the register itself is for owners and departments."""

from typing import Annotated

from fastapi import Path, Query

from services.traceability.callers import WRITE
from services.traceability.masterdata import repository, supervision
from services.traceability.masterdata.models import Lot
from services.traceability.registration import batch, service
from services.traceability.registration.schemas import BatchIn, LotIn, LotItem, LotOut, RegisterReceipt
from shared.auth import Department, Enterprise
from shared.auth.reading import LOTS
from shared.errors import NotFound
from shared.identifiers import GTINStr, LotStr, gs1
from shared.web import (
    CurrentPrincipal,
    Page,
    ReadSession,
    RequestLang,
    Router,
    Uow,
    allow,
    page_of,
    page_params,
    problem,
)
from shared.web.paging import Keyset

router = Router(prefix="/v1/traceability", tags=["lots"])
_LOTS = Keyset("lots", str)


@router.put("/lots/{gtin}/{lot:path}", responses=problem(400, 401, 403, 409, 413, 422))
@allow(Enterprise(), Department(WRITE), area="product.area_code", owner="product.owner_uscc")
async def put_lot(gtin: GTINStr, lot: Annotated[LotStr, Path()], body: LotIn, uow: Uow) -> RegisterReceipt:
    """Register a lot of a registered product, or change it. A lot number with a slash is percent-encoded."""
    results = await service.register_lots(uow, {gs1.lot_id(gtin, lot): body})
    return uow.answer(service.raise_first(results))


@router.post("/lots:batch", responses=problem(400, 401, 403, 409, 413, 422))
@allow(Enterprise(), Department(WRITE), area="product.area_code", owner="product.owner_uscc")
async def put_lots(
    body: BatchIn,
    uow: Uow,
    lang: RequestLang,
    atomic: Annotated[bool, Query(description="All or nothing")] = False,
) -> list[RegisterReceipt]:
    """Register many lots; a receipt for each, in order."""

    async def register(items: dict[str, LotItem]) -> list[service.Result]:
        bodies = {key: LotIn(**item.model_dump(exclude={"gtin", "lot"})) for key, item in items.items()}
        return await service.register_lots(uow, bodies)

    receipts = await batch.run(
        body.items, LotItem, lambda item: gs1.lot_id(item.gtin, item.lot), register, lang, atomic=atomic
    )
    return uow.answer(receipts)


@router.get("/lots", responses=problem(401, 403, 422))
@allow(Enterprise(), *LOTS.grants, area="the owner's area", owner="own lots only", private=True)
async def list_lots(
    session: ReadSession,
    principal: CurrentPrincipal,
    params: page_params,
    gtin: Annotated[GTINStr | None, Query()] = None,
) -> Page[LotOut]:
    """Lots by id; an enterprise sees those of its own products, an authority those of the firms in its area."""
    after = _LOTS.after(params.cursor)
    own = principal.kind == "enterprise"
    rows = await repository.lots_of(
        session,
        gtin=gtin,
        uscc=principal.uscc if own else None,
        owners=None if own else supervision.supervised(principal),
        after=after and after[0],
        limit=params.limit + 1,
    )
    return page_of([_lot(row) for row in rows], params.limit, _LOTS, lambda item: (item.lot_id,))


@router.get("/lots/{lot_id:path}", responses=problem(401, 403, 404))
@allow(Enterprise(), *LOTS.grants, area="the owner's area", owner="lot.owner_uscc", private=True)
async def get_lot(lot_id: str, session: ReadSession, principal: CurrentPrincipal) -> LotOut:
    lot = await session.get(Lot, lot_id)
    if lot is None or (principal.kind == "enterprise" and not lot.acknowledged):
        raise NotFound("lot", zh=f"没有批次 {lot_id}", en=f"No lot {lot_id}")
    principal.require_owner(lot.owner_uscc)
    if principal.kind != "enterprise":
        await supervision.require(session, principal, lot.owner_uscc)
    return _lot(lot)


def _lot(lot: Lot) -> LotOut:
    return LotOut(**lot.model_dump(exclude={"updated_at", "acknowledged"}))
