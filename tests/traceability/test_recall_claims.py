"""Whoever says that it has a recalled lot is told of the recall, whatever others confirm; and a word that nobody
confirms changes nothing but that."""

import asyncio
from typing import Any

import pytest

from services.traceability.genealogy.service import held
from tests.support.app import Harness
from tests.support.callers import staff
from tests.traceability import chain
from tests.traceability.chain import BOX, CONTEXT, MARKET, PACKER, SHOP, amount, gtin, lot, of, sscc

OFFICER = staff("case_officer")
STRANGER = chain.firm("MA3C0A15")
NUTS = gtin(5)
PALLET, OUTER = sscc(1), sscc(2)
B1 = lot(BOX, "B1")
RECALLS = "/v1/traceability/recalls"


async def register(harness: Harness) -> None:
    await chain.register(harness)
    name = {"name": "坚果厂", "area_code": "370686", "roles": ["producer"]}
    await chain.put(harness, f"parties/{STRANGER}", name, STRANGER)
    place = {"name": "坚果厂场所", "uscc": STRANGER, "area_code": "370686", "kind": "factory"}
    await chain.put(harness, f"places/{chain.gln(5)}", place, STRANGER)
    product = {"name": "坚果", "owner_uscc": STRANGER, "shelf_life_days": 90}
    await chain.put(harness, f"products/{NUTS}", product, STRANGER)
    await chain.put(harness, f"lots/{BOX}/B1", {"produced_on": "2026-11-07"}, PACKER)


async def send(harness: Harness, owner: str, *events: dict[str, Any]) -> None:
    for event in events:
        answer = await harness.post("/epcis/events", json={"@context": CONTEXT, **event}, as_=of(owner))
        assert answer.status_code == 201, answer.text


def put_in(day: float, place: int, parent: str, content: Any) -> dict[str, Any]:
    inside = {"childEPCs": [content]} if isinstance(content, str) else {"childQuantityList": [content]}
    return chain.event("AggregationEvent", day, place, "packing", action="ADD", parentID=parent, **inside)


def take_out(day: float, place: int, parent: str) -> dict[str, Any]:
    return chain.event("AggregationEvent", day, place, "unpacking", action="DELETE", parentID=parent)


def made() -> dict[str, Any]:
    boxes = [amount(BOX, "B1", 50, None)]
    return chain.event("ObjectEvent", 3, 2, "commissioning", action="ADD", quantityList=boxes)


def void(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"errorDeclaration": {"declarationTime": chain.at(12), "reason": "incorrect_data"}}


PACKED = put_in(4, 2, PALLET, amount(BOX, "B1", 50, None))
SENT = chain.ship(2, 3, 5, epcs=(PALLET,))
TAKEN = chain.receive(2, 3, 6, epcs=(PALLET,))


async def squat(harness: Harness, *pallets: str) -> None:
    """A stranger guesses the numbers and speaks first, of a time in the past: it is believed to hold them."""
    for pallet in pallets:
        await send(harness, STRANGER, put_in(0.1, 5, pallet, amount(NUTS, "N1", 5, None)))


async def opened(harness: Harness, as_: Any = OFFICER, lot_id: str = B1) -> dict[str, Any]:
    body = {"lots": [lot_id], "level": 1, "reason": "检出异物"}
    answer = await harness.post(RECALLS, json=body, as_=as_)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def case(harness: Harness, recall: dict[str, Any], as_: Any = OFFICER) -> dict[str, Any]:
    found: dict[str, Any] = (await harness.get(f"{RECALLS}/{recall['recall_id']}", as_=as_)).json()
    return found


async def told(harness: Harness, owner: str) -> list[tuple[list[str], int]]:
    answer = await harness.get("/v1/traceability/notices", as_=of(owner))
    assert answer.status_code == 200, answer.text
    return [(notice["lots"], notice["lots_count"]) for notice in answer.json()]


def rows(found: dict[str, Any], holder: str) -> list[tuple[str, bool, str, str]]:
    return [
        (one["lot_id"], one["confirmed"], one["received"], one["expected"])
        for each in found["holders"]
        if each["holder"] == holder
        for one in each["holdings"]
    ]


HAVE = "50.000000", "0.000000"


@pytest.mark.parametrize("late", [False, True], ids=["before", "after the opening"])
@pytest.mark.parametrize("way", ["plain", "nested", "unpacked by the stranger", "undone by the stranger"])
async def test_who_received_a_container_that_a_stranger_spoke_of_first(
    traceability: Harness, way: str, late: bool
) -> None:
    await register(traceability)
    outer = way == "nested"
    await squat(traceability, PALLET, *([OUTER] if outer else []))
    await send(traceability, PACKER, made(), PACKED)
    if outer:
        await send(traceability, PACKER, put_in(4.5, 2, OUTER, PALLET))
    moved = OUTER if outer else PALLET
    await send(traceability, PACKER, chain.ship(2, 3, 5, epcs=(moved,)))
    if way == "unpacked by the stranger":
        await send(traceability, STRANGER, take_out(4.2, 5, PALLET))
    if way == "undone by the stranger":
        await send(traceability, STRANGER, void(put_in(4.1, 5, PALLET, amount(BOX, "B1", 1, None))))
    taken = chain.receive(2, 3, 6, epcs=(moved,))
    if not late:
        await send(traceability, MARKET, taken)
    recall = await opened(traceability)
    if late:
        await send(traceability, MARKET, taken)
    words = traceability.rows("SELECT DISTINCT confirmed FROM event_epc WHERE node = $1 AND asks IS NOT NULL", moved)
    assert [bool(each) for (each,) in words] == [False], "the words of the true firms wait for the stranger's"
    assert await told(traceability, MARKET) == [([B1], 1)]
    found = await case(traceability, recall)
    assert rows(found, MARKET) == [(B1, False, *HAVE)]
    [mine] = [each for each in found["holders"] if each["holder"] == MARKET]
    assert (mine["confirmed"], mine["name"]) == (False, "批发市场公司")
    assert found["notices"]["sent"] == len(found["holders"]) - 1 >= 1
    theirs = await case(traceability, recall, of(PACKER))
    assert [each["holder"] for each in theirs["holders"]] == [PACKER]
    for caller in (of(PACKER), None):
        assert (await case(traceability, recall, caller))["notices"]["sent"] == 0, "nor are they counted to it"
    own = await case(traceability, recall, of(MARKET))
    assert rows(own, MARKET) == [(B1, False, *HAVE)]
    async with traceability.platform.read() as session:
        assert {holding.holder for holding in (await held(session, [B1])).holdings} == {PACKER}
    hidden = await traceability.post(f"{RECALLS}/{recall['recall_id']}/notices/{MARKET}:acknowledge", as_=of(PACKER))
    assert hidden.status_code == 404
    mine = await traceability.post(f"{RECALLS}/{recall['recall_id']}/notices/{MARKET}:acknowledge", as_=of(MARKET))
    assert mine.json()["lots"] == [B1]


async def test_whom_the_packer_says_it_sent_it_to_is_told_before_it_says_a_word(traceability: Harness) -> None:
    await register(traceability)
    await squat(traceability, PALLET)
    await send(traceability, PACKER, made(), PACKED, SENT)
    recall = await opened(traceability)
    assert await told(traceability, MARKET) == [([B1], 1)]
    assert rows(await case(traceability, recall), MARKET) == [(B1, False, "0.000000", "50.000000")]
    await send(traceability, MARKET, TAKEN)
    assert rows(await case(traceability, recall), MARKET) == [(B1, False, *HAVE)]


async def test_who_had_the_container_before_or_after_is_not_told(traceability: Harness) -> None:
    """Emptied by who received it, as the packer's own shipping names it; what it carried before or later is not B1."""
    await register(traceability)
    await squat(traceability, PALLET)
    await send(traceability, SHOP, chain.receive(2, 4, 3.5, epcs=(PALLET,)))
    await send(traceability, PACKER, made(), PACKED, SENT)
    await send(traceability, MARKET, TAKEN, take_out(7, 3, PALLET))
    await send(traceability, SHOP, chain.receive(3, 4, 8, epcs=(PALLET,)))
    await opened(traceability)
    assert await told(traceability, MARKET) == [([B1], 1)]
    assert await told(traceability, SHOP) == []
    assert await told(traceability, STRANGER) == []


@pytest.mark.parametrize(
    "step", ["packing", "storing", "shipping", "retail_selling", "destroying", "input", "inspecting"]
)
async def test_every_way_of_saying_that_one_has_it(on_sqlite: Harness, step: str) -> None:
    await register(on_sqlite)
    await send(on_sqlite, PACKER, made())
    some = amount(BOX, "B1", 3, None)
    if step == "packing":
        event = put_in(6, 4, sscc(8), some)
    elif step == "input":
        out = [amount(gtin(9), "X1", 1, None)]
        event = chain.event(
            "TransformationEvent", 6, 4, "commissioning", inputQuantityList=[some], outputQuantityList=out
        )
    else:
        event = chain.event("ObjectEvent", 6, 4, step, action="OBSERVE", quantityList=[some])
    await send(on_sqlite, SHOP, event)
    recall = await opened(on_sqlite)
    inspected = step == "inspecting"
    assert [lots[0] for lots, _ in await told(on_sqlite, SHOP)] == ([] if inspected else [B1])
    own = [confirmed for lot_id, confirmed, *_ in rows(await case(on_sqlite, recall), SHOP) if lot_id == B1]
    assert own == ([] if inspected else [step == "input"])


async def test_what_a_claim_says_counts_when_it_is_confirmed(traceability: Harness) -> None:
    await register(traceability)
    await send(traceability, PACKER, made())
    await send(traceability, MARKET, chain.receive(2, 3, 6, amount(BOX, "B1", 50, None)))
    recall = await opened(traceability)
    assert rows(await case(traceability, recall), MARKET) == [(B1, False, *HAVE)]
    await send(traceability, PACKER, chain.ship(2, 3, 5, amount(BOX, "B1", 50, None)))
    for caller in (OFFICER, of(PACKER)):
        assert rows(await case(traceability, recall, caller), MARKET) == [(B1, True, *HAVE)]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after the opening"])
async def test_a_voided_shipment_takes_no_notice_and_no_lot_back(traceability: Harness, late: bool) -> None:
    await register(traceability)
    sent, taken = (way(2, 3, day, amount(BOX, "B1", 50, None)) for way, day in ((chain.ship, 5), (chain.receive, 6)))
    await send(traceability, PACKER, made(), sent)
    await send(traceability, MARKET, taken)
    if not late:
        await send(traceability, PACKER, void(sent))
    recall = await opened(traceability)
    if late:
        assert rows(await case(traceability, recall), MARKET) == [(B1, True, *HAVE)]
        await send(traceability, PACKER, void(sent))
    assert await told(traceability, MARKET) == [([B1], 1)]
    assert rows(await case(traceability, recall), MARKET) == [(B1, False, *HAVE)]
    assert rows(await case(traceability, recall, of(PACKER)), MARKET) == []


@pytest.mark.parametrize("late", [False, True], ids=["before", "after the opening"])
async def test_a_voided_packing_takes_no_notice_and_no_lot_back(traceability: Harness, late: bool) -> None:
    await register(traceability)
    await send(traceability, PACKER, made(), PACKED, SENT)
    await send(traceability, MARKET, TAKEN)
    if not late:
        await send(traceability, PACKER, void(PACKED))
    recall = await opened(traceability)
    if late:
        assert rows(await case(traceability, recall), MARKET) == [(B1, True, *HAVE)]
        await send(traceability, PACKER, void(PACKED))
    assert await told(traceability, MARKET) == [([B1], 1)]
    assert rows(await case(traceability, recall), MARKET) == [(B1, False, *HAVE)]


async def test_who_takes_its_own_word_back_is_still_told_which_lot_it_was(traceability: Harness) -> None:
    await register(traceability)
    taken = chain.receive(2, 3, 6, amount(BOX, "B1", 50, None))
    await send(traceability, PACKER, made())
    await send(traceability, MARKET, taken)
    recall = await opened(traceability)
    await send(traceability, MARKET, void(taken))
    assert await told(traceability, MARKET) == [([B1], 1)]
    assert rows(await case(traceability, recall), MARKET) == [(B1, False, "0.000000", "0.000000")]


async def test_a_receipt_beside_the_opening(traceability: Harness) -> None:
    """Of a container that a stranger spoke of first: whichever comes first, the receiver is told."""
    await register(traceability)
    for number in range(6):
        pallet, one = sscc(20 + number), lot(BOX, f"C{number}")
        await chain.put(traceability, f"lots/{BOX}/C{number}", {"produced_on": "2026-11-07"}, PACKER)
        await squat(traceability, pallet)
        await send(traceability, PACKER, put_in(4, 2, pallet, amount(BOX, f"C{number}", 50, None)))
        both: list[Any] = [
            send(traceability, MARKET, chain.receive(2, 3, 6, epcs=(pallet,))),
            opened(traceability, lot_id=one),
        ]
        await asyncio.gather(*(both if number % 2 else both[::-1]))
        assert [one] in [lots for lots, _ in await told(traceability, MARKET)]
