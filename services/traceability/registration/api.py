"""Parties, places and products over HTTP."""

from typing import Annotated

from fastapi import Query

from services.traceability.callers import WRITE
from services.traceability.masterdata import repository
from services.traceability.masterdata.models import Party, Place, Product
from services.traceability.registration import batch, service
from services.traceability.registration.schemas import (
    BatchIn,
    MarkOut,
    PartyIn,
    PartyOut,
    PlaceIn,
    PlaceOut,
    ProductIn,
    ProductItem,
    ProductOut,
    RegisterReceipt,
)
from shared.auth import Department, Enterprise, Public
from shared.clock import shanghai_date
from shared.errors import NotFound
from shared.identifiers import GLNStr, GTINStr, USCCStr
from shared.web import (
    CurrentPlatform,
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

router = Router(prefix="/v1/traceability", tags=["master data"])
_PRODUCTS = Keyset("products", str)


@router.put("/parties/{uscc}", responses=problem(400, 401, 403, 409, 413, 422))
@allow(Enterprise(), Department(WRITE), area="body.area_code", owner="path.uscc")
async def put_party(uscc: USCCStr, body: PartyIn, uow: Uow) -> RegisterReceipt:
    """Register a party of the food chain, or change it; repeating it changes nothing."""
    return uow.answer(await service.register_party(uow, uscc, body))


@router.get("/parties/{uscc}", responses=problem(404, 422))
@allow(Public())
async def get_party(uscc: USCCStr, session: ReadSession, platform: CurrentPlatform) -> PartyOut:
    """A party with its licences and the listings of the credit register that are in force today."""
    party = await session.get(Party, uscc)
    if party is None:
        raise _not_found("party", uscc)
    today = shanghai_date(platform.clock.now())
    enterprise = await repository.enterprise(session, uscc)
    marks = await repository.marks_in_force(session, uscc, today)
    return PartyOut(
        **party.model_dump(),
        registered_name=enterprise.name if enterprise else None,
        state=enterprise.state if enterprise else None,
        marks=[MarkOut(**mark.model_dump(exclude={"uscc", "removed_on"})) for mark in marks],
        published_violations=await repository.published_violations(session, uscc, today),
    )


@router.put("/places/{gln}", responses=problem(400, 401, 403, 409, 413, 422))
@allow(Enterprise(), Department(WRITE), area="body.area_code", owner="body.uscc")
async def put_place(gln: GLNStr, body: PlaceIn, uow: Uow) -> RegisterReceipt:
    """Register a place, or change it."""
    return uow.answer(await service.register_place(uow, gln, body))


@router.get("/places/{gln}", responses=problem(404, 422))
@allow(Public())
async def get_place(gln: GLNStr, session: ReadSession) -> PlaceOut:
    place = await session.get(Place, gln)
    if place is None:
        raise _not_found("place", gln)
    return PlaceOut(**place.model_dump(exclude={"address"}))


@router.put("/products/{gtin}", responses=problem(400, 401, 403, 409, 413, 422))
@allow(Enterprise(), Department(WRITE), area="owner.area_code", owner="body.owner_uscc")
async def put_product(gtin: GTINStr, body: ProductIn, uow: Uow) -> RegisterReceipt:
    """Register a product, or change it."""
    return uow.answer(service.raise_first(await service.register_products(uow, {gtin: body})))


@router.post("/products:batch", responses=problem(400, 401, 403, 409, 413, 422))
@allow(Enterprise(), Department(WRITE), area="owner.area_code", owner="body.items.owner_uscc")
async def put_products(
    body: BatchIn,
    uow: Uow,
    lang: RequestLang,
    atomic: Annotated[bool, Query(description="All or nothing")] = False,
) -> list[RegisterReceipt]:
    """Register many products; a receipt for each, in order."""

    async def register(items: dict[str, ProductItem]) -> list[service.Result]:
        return await service.register_products(
            uow, {k: ProductIn(**v.model_dump(exclude={"gtin"})) for k, v in items.items()}
        )

    return uow.answer(await batch.run(body.items, ProductItem, lambda item: item.gtin, register, lang, atomic=atomic))


@router.get("/products/{gtin}", responses=problem(404, 422))
@allow(Public())
async def get_product(gtin: GTINStr, session: ReadSession) -> ProductOut:
    product = await session.get(Product, gtin)
    if product is None:
        raise _not_found("product", gtin)
    owner = await session.get(Party, product.owner_uscc)
    return _product(product, owner.name if owner else None)


@router.get("/products", responses=problem(422))
@allow(Public())
async def list_products(
    session: ReadSession, params: page_params, owner: Annotated[USCCStr | None, Query()] = None
) -> Page[ProductOut]:
    """Products by GTIN; `owner` keeps those of one enterprise."""
    after = _PRODUCTS.after(params.cursor)
    rows = await repository.products_of(session, owner, after and after[0], params.limit + 1)
    names = await repository.party_names(session, {row.owner_uscc for row in rows})
    return page_of(
        [_product(row, names.get(row.owner_uscc)) for row in rows], params.limit, _PRODUCTS, lambda item: (item.gtin,)
    )


def _product(product: Product, owner_name: str | None) -> ProductOut:
    return ProductOut(**product.model_dump(exclude={"area_code"}), owner_name=owner_name)


def _not_found(kind: str, key: str) -> NotFound:
    zh = {"party": "主体", "place": "场所", "product": "商品"}[kind]
    return NotFound(kind, zh=f"没有登记的{zh} {key}", en=f"No registered {kind} {key}")
