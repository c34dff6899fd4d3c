"""Two writers at the same time, each of whom decides on what the other writes: neither overlooks the other."""

import asyncio
from typing import Any

import httpx

from services.traceability.epcis import validation
from services.traceability.epcis.prepare import prepare
from services.traceability.epcis.service import capture
from shared.auth import Principal
from tests.support.app import Harness
from tests.traceability import chain
from tests.traceability.chain import BOX, FRUIT, MARKET, PACKER, SHOP, amount, gtin, lot, of, sscc


async def send(harness: Harness, event: dict[str, Any], owner: str) -> httpx.Response:
    answer = await harness.post("/epcis/events", json={"@context": chain.CONTEXT, **event}, as_=of(owner))
    assert answer.status_code == 201, answer.text
    return answer


def words(harness: Harness, node: str, owner: str) -> list[bool]:
    sql = (
        "SELECT o.confirmed FROM event_epc o JOIN epcis_event e ON e.record_id = o.record_id "
        "WHERE o.node = $1 AND e.owner_uscc = $2 ORDER BY o.record_id"
    )
    return [bool(row[0]) for row in harness.rows(sql, node, owner)]


async def test_a_shipment_beside_its_receipt(traceability: Harness) -> None:
    await chain.register(traceability)
    for number in range(8):
        some = amount(BOX, f"B{number}", 5, None)
        both = [
            send(traceability, chain.ship(2, 3, 5, some), PACKER),
            send(traceability, chain.receive(2, 3, 6, some), MARKET),
        ]
        await asyncio.gather(*(both if number % 2 else both[::-1]))
        assert words(traceability, lot(BOX, f"B{number}"), MARKET) == [True]


async def test_a_pallet_handed_over_beside_what_is_packed_into_it(traceability: Harness) -> None:
    await chain.register(traceability)
    for number in range(6):
        pallet = sscc(40 + number)
        packed = {"action": "ADD", "parentID": pallet, "childQuantityList": [amount(BOX, f"B{number}", 5, None)]}
        await send(traceability, chain.event("AggregationEvent", 4, 2, "packing", **packed), PACKER)
        more = {"action": "ADD", "parentID": pallet, "childQuantityList": [amount(FRUIT, "F1", 1)]}
        both = [
            send(traceability, chain.ship(2, 3, 5, epcs=(pallet,)), PACKER),
            send(traceability, chain.event("AggregationEvent", 7, 3, "packing", **more), MARKET),
        ]
        await asyncio.gather(*(both if number % 2 else both[::-1]))
        assert words(traceability, pallet, MARKET) == [True]


async def test_makers_are_named_beside_their_events(traceability: Harness) -> None:
    await chain.register(traceability)
    for number in range(6):
        made = chain.event(
            "ObjectEvent",
            1 + number / 10,
            4,
            "commissioning",
            action="ADD",
            quantityList=[amount(BOX, f"M{number}", 5, None)],
        )
        makers = [{"uscc": SHOP, "since": "2026-01-01"}] if number % 2 == 0 else []
        path = f"/v1/traceability/products/{BOX}/makers"
        put = traceability.put(path, json={"makers": makers}, as_=of(PACKER))
        _, answer = await asyncio.gather(send(traceability, made, SHOP), put)
        assert answer.status_code == 200, answer.text
        assert set(words(traceability, lot(BOX, f"M{number}"), SHOP)) == {number % 2 == 0}


async def test_a_product_is_registered_beside_its_first_events(traceability: Harness) -> None:
    await chain.register(traceability)
    for number in range(6):
        product = gtin(80 + number)
        body = {"name": "新品", "owner_uscc": PACKER, "shelf_life_days": 9}
        made = [amount(product, "N1", 5, None)]
        events = [
            chain.event("ObjectEvent", 1, place, "commissioning", action="ADD", quantityList=made) for place in (2, 4)
        ]
        await asyncio.gather(
            send(traceability, events[1], SHOP),
            traceability.put(f"/v1/traceability/products/{product}", json=body, as_=of(PACKER)),
            send(traceability, events[0], PACKER),
        )
        # Who made the lot before anybody had registered its product keeps it; else it is who registered the product.
        claimed = {uscc for (uscc,) in traceability.rows("SELECT uscc FROM gtin_claim WHERE gtin = $1", product)}
        owner, other = (SHOP, PACKER) if claimed == {SHOP} else (PACKER, SHOP)
        assert words(traceability, lot(product, "N1"), owner) == [True]
        assert words(traceability, lot(product, "N1"), other) == [False]


async def test_one_of_two_claims_a_gtin(traceability: Harness) -> None:
    await chain.register(traceability)
    for number in range(6):
        made = [amount(gtin(90 + number), "N1", 5, None)]
        events = [
            chain.event("ObjectEvent", 1, place, "commissioning", action="ADD", quantityList=made) for place in (2, 4)
        ]
        await asyncio.gather(send(traceability, events[0], PACKER), send(traceability, events[1], SHOP))
        node = lot(gtin(90 + number), "N1")
        assert sorted([*words(traceability, node, PACKER), *words(traceability, node, SHOP)]) == [False, True]


async def test_a_claim_is_confirmed_and_rejected_at_once(traceability: Harness) -> None:
    """The last word stands, and what is stored is what it says."""
    await chain.register(traceability)
    made = chain.event("ObjectEvent", 1, 4, "commissioning", action="ADD", quantityList=[amount(BOX, "M1", 5, None)])
    await send(traceability, made, SHOP)
    [waiting] = (await traceability.get("/v1/traceability/claims", as_=of(PACKER))).json()["items"]
    path = f"/v1/traceability/claims/{waiting['record_id']}"
    answers = await asyncio.gather(
        *(traceability.post(f"{path}:{word}", as_=chain.DEPARTMENT.but(scope=SCOPE)) for word in WORDS)
    )
    assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
    [(decided,)] = traceability.rows("SELECT confirmed FROM claim_decision")
    assert words(traceability, lot(BOX, "M1"), SHOP) == [bool(decided)]


SCOPE = "traceability:masterdata:write traceability:lots:read traceability:epcis:write traceability:epcis:read"
WORDS = ("confirm", "reject", "confirm", "reject")


async def test_two_that_ship_each_other_crates(traceability: Harness) -> None:
    """Many writers on the same nodes, in documents that name them in opposite orders: nobody fails."""
    await chain.register(traceability)
    boxes = [sscc(60 + number) for number in range(6)]

    async def take(owner: str, *events: dict[str, Any]) -> int:
        prepared = prepare(validation.candidates(chain.document(*events)))
        async with traceability.platform.unit_of_work(Principal("enterprise", "client:x", uscc=owner)) as uow:
            return len((await capture(uow, prepared)).stored)

    work = []
    for number in range(4):
        sent = [chain.ship(2, 3, 5 + number / 10, epcs=(box,)) for box in boxes]
        back = [chain.receive(2, 3, 6 + number / 10, epcs=(box,)) for box in boxes]
        work.append(take(PACKER, *(sent if number % 2 else sent[::-1])))
        work.append(take(MARKET, *(back[::-1] if number % 2 else back)))
    assert await asyncio.gather(*work) == [6] * 8
    for box in boxes:
        assert set(words(traceability, box, MARKET)) == {True}


async def test_a_packing_that_comes_last_says_who_had_what_was_in_it(traceability: Harness) -> None:
    """The pallet was sent and received, and the market used the lot; that the lot was in it is told afterwards."""
    await chain.register(traceability)
    cake = gtin(6)
    await chain.put(
        traceability, f"products/{cake}", {"name": "糕点", "owner_uscc": MARKET, "shelf_life_days": 9}, MARKET
    )
    some = amount(BOX, "B1", 5, None)
    lists = {"inputQuantityList": [some], "outputQuantityList": [amount(cake, "K", 1, None)]}
    used = chain.event("TransformationEvent", 7, 3, "commissioning", **lists)
    packed = chain.event("AggregationEvent", 4, 2, "packing", action="ADD", parentID=sscc(1), childQuantityList=[some])
    await send(traceability, chain.ship(2, 3, 5, epcs=(sscc(1),)), PACKER)
    await send(traceability, chain.receive(2, 3, 6, epcs=(sscc(1),)), MARKET)
    await send(traceability, used, MARKET)
    assert words(traceability, lot(BOX, "B1"), MARKET) == [False]
    await send(traceability, packed, PACKER)
    assert words(traceability, lot(BOX, "B1"), MARKET) == [True]
    edge = "SELECT source_confirmed FROM edge WHERE from_node = $1 AND to_node = $2"
    assert [bool(row[0]) for row in traceability.rows(edge, lot(BOX, "B1"), lot(cake, "K"))] == [True]
