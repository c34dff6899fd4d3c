"""One producer's food told through the public API: orchard apples, packed, then put into gift boxes, and what
authorities do with it."""

from datetime import timedelta
from typing import Any

import httpx

from tests.support.app import NOW, Harness, department, enterprise, staff
from tests.support.callers import Caller

COOP, WHOLESALE, SHOP = "91370686MA3EX4MP0C", "91370602MA3EX5TT0D", "91370611MA3EX6AB5T"
RAW, PACKED, GIFT = "09521101530001", "09521101530018", "09521101530025"
ORCHARD, PACKHOUSE, MARKET, STORE = "9521101530001", "9521101530018", "9521101530025", "9521101530032"
RAW_LOT, PACKED_LOT, GIFT_LOT = f"{RAW}.OR1", f"{PACKED}.QX1", f"{GIFT}.LH1"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

coop, wholesale, shop = enterprise(COOP), enterprise(WHOLESALE), enterprise(SHOP)
laboratory = department("traceability:tests:write", "traceability:tests:read", "traceability:alerts:read")
inspector = staff("inspector", user="sun")
reviewer = staff("reviewer", user="zhao")
officer = staff("case_officer", user="qian")


def ok(response: httpx.Response, status: int | None = None) -> Any:
    assert response.is_success, response.text
    assert status is None or response.status_code == status, response.text
    return response.json()


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of a refusal."""
    assert response.status_code == status, response.text
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code, problem
    return problem


def places(response: httpx.Response) -> list[tuple[str, str]]:
    """`(pointer, code)` of every error of a 422."""
    assert response.status_code == 422, response.text
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


async def register(service: Harness) -> None:
    """Three firms with their places, three products, and their lots."""
    for caller, uscc, name, area, roles in (
        (coop, COOP, "栖霞示例果业专业合作社", "370686", ["producer"]),
        (wholesale, WHOLESALE, "示例批发市场", "370602", ["wholesale"]),
        (shop, SHOP, "示例超市", "370611", ["retail"]),
    ):
        body = {"name": name, "area_code": area, "roles": roles}
        ok(await service.put(f"/v1/traceability/parties/{uscc}", json=body, as_=caller))
    for caller, gln, name, uscc, area, kind in (
        (coop, ORCHARD, "蛇窝泊示例果园", COOP, "370686", "orchard"),
        (coop, PACKHOUSE, "示例包装厂", COOP, "370686", "packhouse"),
        (wholesale, MARKET, "示例批发市场一号厅", WHOLESALE, "370602", "market"),
        (shop, STORE, "示例超市福山店", SHOP, "370611", "shop"),
    ):
        place = {"name": name, "uscc": uscc, "area_code": area, "kind": kind}
        ok(await service.put(f"/v1/traceability/places/{gln}", json=place, as_=caller))
    for gtin, name, english in (
        (RAW, "栖霞苹果（原料）", "Qixia apples, raw"),
        (PACKED, "栖霞红富士苹果 5 kg 箱装", "Qixia Fuji apples, 5 kg box"),
        (GIFT, "栖霞苹果礼盒", "Qixia apple gift box"),
    ):
        product = {"name": name, "name_en": english, "owner_uscc": COOP, "category": "fruit", "shelf_life_days": 180}
        ok(await service.put(f"/v1/traceability/products/{gtin}", json=product, as_=coop))
    for lot_id in (RAW_LOT, PACKED_LOT, GIFT_LOT):
        await register_lot(service, lot_id)


async def register_lot(service: Harness, lot_id: str, **more: Any) -> None:
    gtin, _, lot = lot_id.partition(".")
    body = {"produced_on": "2026-10-18", "origin": "山东省烟台市栖霞市"} | more
    ok(await service.put(f"/v1/traceability/lots/{gtin}/{lot}", json=body, as_=coop))


def klass(lot_id: str) -> str:
    gtin, _, lot = lot_id.partition(".")
    return f"https://id.gs1.org/01/{gtin}/10/{lot}"


def amounts(lot_id: str, quantity: float) -> list[dict[str, Any]]:
    return [{"epcClass": klass(lot_id), "quantity": quantity, "uom": "KGM"}]


async def tell(service: Harness, caller: Caller, kind: str, gln: str, step: str, hours: int, **more: Any) -> None:
    """Capture one event, `hours` after the harvest of 2026-11-14."""
    at = NOW - timedelta(days=10) + timedelta(hours=hours)
    place = {"id": f"https://id.gs1.org/414/{gln}"}
    event = {
        "@context": [CONTEXT],
        "type": kind,
        "eventTime": at.isoformat().replace("+00:00", "Z"),
        "eventTimeZoneOffset": "+08:00",
        "bizStep": step,
        "readPoint": place,
        "bizLocation": place,
    }
    ok(await service.post("/epcis/events", json=event | more, as_=caller), 201)


async def harvest(service: Harness, lot_id: str = RAW_LOT) -> None:
    more = {"action": "ADD", "quantityList": amounts(lot_id, 5000)}
    await tell(service, coop, "ObjectEvent", ORCHARD, "commissioning", 0, **more)


async def make(service: Harness, source: str, target: str, hours: int, used: float = 2000, made: float = 1900) -> None:
    both = {"inputQuantityList": amounts(source, used), "outputQuantityList": amounts(target, made)}
    await tell(service, coop, "TransformationEvent", PACKHOUSE, "commissioning", hours, **both)


def between(source: str, target: str) -> dict[str, Any]:
    def party(gln: str, key: str) -> list[dict[str, str]]:
        return [{"type": "possessing_party", key: f"https://id.gs1.org/417/{gln}"}]

    return {"sourceList": party(source, "source"), "destinationList": party(target, "destination")}


async def ship(service: Harness, lot_id: str, quantity: float, hours: int, to: str = MARKET) -> None:
    more = {"action": "OBSERVE", "quantityList": amounts(lot_id, quantity)} | between(PACKHOUSE, to)
    await tell(service, coop, "ObjectEvent", PACKHOUSE, "shipping", hours, **more)


async def receive(service: Harness, caller: Caller, gln: str, lot_id: str, quantity: float, hours: int) -> None:
    more = {"action": "OBSERVE", "quantityList": amounts(lot_id, quantity)} | between(PACKHOUSE, gln)
    await tell(service, caller, "ObjectEvent", gln, "receiving", hours, **more)


async def three_levels(service: Harness) -> None:
    """Raw apples -> packed -> gift boxes; the packed ones go to the market, the gifts to the shop (not received)."""
    await harvest(service)
    await make(service, RAW_LOT, PACKED_LOT, 24)
    await make(service, PACKED_LOT, GIFT_LOT, 48, used=500, made=480)
    await ship(service, PACKED_LOT, 1000, 72)
    await receive(service, wholesale, MARKET, PACKED_LOT, 1000, 80)
    await ship(service, GIFT_LOT, 480, 90, to=STORE)


async def verdict(service: Harness, lot_id: str, **headers: str) -> dict[str, Any]:
    gtin, _, lot = lot_id.partition(".")
    path = f"/v1/traceability/verdicts/https://example.org/01/{gtin}/10/{lot}"
    answer: dict[str, Any] = ok(await service.get(path, headers=headers))
    return answer


def report(
    lot_id: str = PACKED_LOT, number: str = "SP-2026-10482", result: str = "pass", **more: Any
) -> dict[str, Any]:
    item = {"name": "毒死蜱", "method": "GB 23200.113-2018", "limit": "1", "value": "0.02", "unit": "mg/kg"}
    return {
        "report_number": number,
        "laboratory": "示例检测中心",
        "sample_id": f"S-{number}",
        "lot_id": lot_id,
        "kind": "supervision",
        "category": "agricultural",
        "sampled_on": "2026-11-18",
        "tested_on": "2026-11-20",
        "items": [item | {"result": result}],
        "result": result,
    } | more


async def record(service: Harness, as_: Caller = laboratory, **more: Any) -> dict[str, Any]:
    response = await service.post("/v1/traceability/tests", json=report(**more), as_=as_)
    answer: dict[str, Any] = ok(response, 201)
    return answer


def recall_body(*lots: str, level: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "lots": list(lots) or [RAW_LOT],
        "level": level,
        "reason": "毒死蜱超标",
        "reason_en": "Chlorpyrifos above the limit",
        "risk": "短期少量食用一般不会有不适",
        "instructions": "停止食用，到购买处退货",
        "contact": "0535-0000000",
    } | more


async def recall(service: Harness, *lots: str, as_: Caller = officer, **more: Any) -> dict[str, Any]:
    response = await service.post("/v1/traceability/recalls", json=recall_body(*lots, **more), as_=as_)
    answer: dict[str, Any] = ok(response, 201)
    return answer
