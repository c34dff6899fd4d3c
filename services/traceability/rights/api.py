"""Claims, makers and confirmed places over HTTP."""

from typing import Annotated

from fastapi import Query

from services.traceability.callers import READ, STAFF, WRITE
from services.traceability.rights import claims, naming
from services.traceability.rights.schemas import (
    ClaimOut,
    DecisionOut,
    MakersIn,
    MakersOut,
    PlaceConfirmationOut,
    ProductConfirmationOut,
)
from shared.auth import Department, Enterprise
from shared.identifiers import GLNStr, GTINStr
from shared.web import CurrentPrincipal, Page, ReadSession, Router, Uow, allow, page_of, page_params, problem
from shared.web.paging import Keyset

router = Router(prefix="/v1/traceability", tags=["claims"])
_CLAIMS = Keyset("claims", str)
_STEP = problem(400, 401, 403, 404, 409, 413, 422)


@router.get("/claims", responses=problem(401, 403, 422))
@allow(Enterprise(), Department(READ), STAFF, area="area of who is asked", owner="claims on own objects", private=True)
async def list_claims(
    session: ReadSession,
    principal: CurrentPrincipal,
    params: page_params,
    own: Annotated[bool, Query(description="The caller's own claims that wait for others")] = False,
) -> Page[ClaimOut]:
    """待确认的申报 / What events of others say of the caller's objects and places, oldest first."""
    after = _CLAIMS.after(params.cursor)
    rows = await claims.waiting(session, principal, own=own, after=after and after[0], limit=params.limit + 1)
    return page_of(rows, params.limit, _CLAIMS, lambda item: (item.record_id,))


@router.post("/claims/{record_id}:confirm", responses=_STEP)
@allow(Enterprise(), Department(WRITE), area="area of the objects' owner", owner="owner of the objects or the place")
async def confirm_claim(record_id: str, uow: Uow) -> DecisionOut:
    """确认 / The event is right: from now on it counts for the caller's objects that it names."""
    return uow.answer(await claims.decide(uow, record_id, confirmed=True))


@router.post("/claims/{record_id}:reject", responses=_STEP)
@allow(Enterprise(), Department(WRITE), area="area of the objects' owner", owner="owner of the objects or the place")
async def reject_claim(record_id: str, uow: Uow) -> DecisionOut:
    """否认 / The event is wrong. An owner ends what waits; a department also takes back what counted."""
    return uow.answer(await claims.decide(uow, record_id, confirmed=False))


@router.put("/products/{gtin}/makers", responses=_STEP)
@allow(Enterprise(), Department(WRITE), area="product.area_code", owner="product.owner_uscc")
async def put_makers(gtin: GTINStr, body: MakersIn, uow: Uow) -> MakersOut:
    """受托生产者 / Name the contract makers of a product; their events count as the owner's."""
    return uow.answer(await naming.name_makers(uow, gtin, body))


@router.get("/products/{gtin}/makers", responses=problem(401, 403, 404, 422))
@allow(Enterprise(), Department(READ), STAFF, owner="product.owner_uscc, or a maker", private=True)
async def get_makers(gtin: GTINStr, session: ReadSession, principal: CurrentPrincipal) -> MakersOut:
    return await naming.makers_of(session, principal, gtin)


@router.post("/products/{gtin}:confirm", responses=_STEP)
@allow(Enterprise(), Department(WRITE), area="product.area_code", owner="any, for its own events")
async def confirm_product(gtin: GTINStr, uow: Uow) -> ProductConfirmationOut:
    """确认商品 / The GTIN is who registered it: its owner has the say in what was told of it before, too."""
    return uow.answer(await naming.confirm_product(uow, gtin))


@router.post("/places/{gln}:confirm", responses=_STEP)
@allow(Enterprise(), Department(WRITE), area="place.area_code", owner="any, for its own events")
async def confirm_place(gln: GLNStr, uow: Uow) -> PlaceConfirmationOut:
    """确认场所 / The place is who registered it: earlier events that name it open to that party."""
    return uow.answer(await naming.confirm_place(uow, gln))
