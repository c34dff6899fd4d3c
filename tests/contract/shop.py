"""A small service for the checks of what `shared/web` gives to all: shops that are added, listed and read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from pydantic import AfterValidator, Field
from sqlalchemy import select
from sqlalchemy.orm import registry
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from shared.auth import Department, Enterprise, Public, Staff
from shared.clock import FixedClock
from shared.db import UnitOfWork
from shared.errors import Conflict, field_error
from shared.events.credit import EnterpriseUpdated
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web import (
    Body,
    Coalescer,
    CurrentPlatform,
    CurrentPrincipal,
    Domain,
    HotAnswer,
    HotRequest,
    HotRoute,
    Out,
    Page,
    ReadSession,
    Router,
    ServiceSpec,
    Uow,
    allow,
    build_app,
    page_of,
    page_params,
    problem,
)
from shared.web.paging import Keyset
from shared.wiring import Kept, Wiring
from tests.support.app import Harness, department
from tests.support.callers import AUDIENCE, ISSUER, write_jwks
from tests.support.databases import Backend

from shared.bus.memory import MemoryBus  # isort: skip


class Table(SQLModel, registry=registry()):
    pass


class Shop(Table, table=True):
    id: str = Column(primary_key=True)
    name: str
    area_code: str


def _no_bang(text: str) -> str:
    if "!" in text:
        raise field_error("name.bang", "名称不能有感叹号", "A name has no exclamation mark")
    return text


class ShopIn(Body):
    id: str = Field(min_length=2, max_length=10)
    name: Annotated[str, AfterValidator(_no_bang)]
    area_code: str
    opened_on: date | None = None
    tags: list[int] = []


class ShopOut(Out):
    id: str
    name: str


router = Router(prefix="/v1/credit")
SHOPS = Keyset("shops", str)


@router.post("/shops", status_code=201, responses=problem(409, 422))
@allow(Department("shops:write"), Staff("case_officer"), area="body.area_code")
async def add(body: ShopIn, uow: Uow, principal: CurrentPrincipal) -> ShopOut:
    principal.require_area(body.area_code)
    if await uow.session.get(Shop, body.id):
        raise Conflict("shop.exists", zh="已有这家店", en="There is such a shop")
    uow.session.add(Shop(id=body.id, name=body.name, area_code=body.area_code))
    uow.publish(EnterpriseUpdated(uscc=body.id, name=body.name, area_code=body.area_code, state="active"))
    uow.audit("shop.add", subject=body.id, detail={"name": body.name})
    uow.invalidate(f"shop:{body.id}")
    return uow.answer(ShopOut(id=body.id, name=body.name), 201, {"Location": f"/v1/credit/shops/{body.id}"})


@router.get("/shops")
@allow(Public())
async def list_shops(session: ReadSession, params: page_params) -> Page[ShopOut]:
    statement = select(Shop).order_by(Shop.id).limit(params.limit + 1)  # type: ignore[arg-type]
    if after := SHOPS.after(params.cursor):
        statement = statement.where(Shop.id > after[0])  # type: ignore[arg-type]
    rows = list((await session.execute(statement)).scalars())
    page = page_of(rows, params.limit, SHOPS, lambda shop: (shop.id,))
    return Page(items=[ShopOut(id=shop.id, name=shop.name) for shop in page.items], next=page.next)


@router.get("/file/{uscc}")
@allow(Staff("auditor"), Enterprise(), owner="path.uscc", private=True)
async def read_file(uscc: str, principal: CurrentPrincipal) -> dict[str, str]:
    principal.require_owner(uscc)
    return {"uscc": uscc}


@router.post("/shops:together", status_code=201)
@allow(Public())
async def together(request: Request, platform: CurrentPlatform, n: Annotated[int, Query()]) -> dict[str, int]:
    return {"n": await COALESCER.of(platform).submit(n)}


@router.get("/broken")
@allow(Public())
async def broken() -> dict[str, str]:
    raise RuntimeError("the inside of the house")


@dataclass
class Seen:
    """What the service did: reads of the database for hot answers, sizes of shared transactions."""

    reads: int = 0
    batches: list[int] = field(default_factory=list)


SEEN: Kept[Wiring, Seen] = Kept(lambda _: Seen())


async def write_together(uow: UnitOfWork, numbers: Sequence[int]) -> list[int | Exception]:
    SEEN.of(uow.wiring).batches.append(len(numbers))
    if any(number == 13 for number in numbers):
        raise ValueError("13 spoils the whole transaction")
    uow.session.add_all([Shop(id=f"n{number}", name="x", area_code="1") for number in numbers if number >= 0])
    return [number if number >= 0 else Conflict("negative", zh="负数", en="negative") for number in numbers]


COALESCER: Kept[Wiring, Coalescer[int, int]] = Kept(lambda wiring: Coalescer(wiring, write_together))


async def load_shop(platform: Platform, match: Any, request: HotRequest) -> HotAnswer | None:
    if match["id"] == "slow-path":
        return None
    rows = await platform.db.fetch("SELECT name FROM shop WHERE id = $1", match["id"])
    SEEN.of(platform).reads += 1
    if match["id"] == "explodes":
        raise RuntimeError("hot inside")
    body = orjson.dumps({"name": rows[0][0] if rows else None, "lang": request.lang})
    return HotAnswer(body, tags=(f"shop:{match['id']}",))


@router.get("/hot/{shop_id}")
@allow(Public())
async def hot_documented(shop_id: str) -> dict[str, str]:
    return {"path": "fastapi", "id": shop_id}


SPEC = ServiceSpec(
    "credit", [Domain("shop", routers=[router], hot=[HotRoute(r"/v1/credit/hot/(?P<id>.+)", load_shop)])]
)
WRITER = department("shops:write", area="370600")
GOOD = {"id": "s1", "name": "店", "area_code": "370602"}


async def start(
    backend: Backend, url: str, clock: FixedClock, *, worker: str = "0", log_level: str = "error"
) -> Harness:
    settings = ServiceSettings(
        data_dir=backend.folder,
        database_url=url,
        bus_url="memory:",
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks=str(write_jwks(backend.folder / "jwks.json")),
        log_level=log_level,
        worker_id=worker,
        poll_seconds=0.05,
        max_body_bytes=10_000,
    )
    bus = MemoryBus()
    app = build_app(SPEC, settings, bus=bus, clock=clock)
    return Harness(app, app.platform, bus, clock)
