"""A lot of a supplier that is not here, named by events only: an authority in whose area it was seen recalls it, and
who told of it traces its own words."""

import asyncio
from typing import Any

import pytest

from shared.events.traceability import LotUpdated, RecallClosed, RecallOpened, RecallUpdated
from tests.support.app import Harness, department, enterprise, staff
from tests.traceability import food
from tests.traceability.chain import firm
from tests.traceability.food import COOP, MARKET, PACKED_LOT, SHOP, STORE, WHOLESALE, ok, verdict
from tests.traceability.test_recalls import RECALLS, step, verdicts

FOREIGN = "09521101530049.S1"
"""A lot whose product nobody registered."""
SUPPLIER = firm("MA3EX8QW", "370211")


async def delivered(service: Harness) -> None:
    """The coop made boxes of it, the market has it too; nobody who sold it is here."""
    await food.register(service)
    await food.make(service, FOREIGN, PACKED_LOT, 24)
    await food.receive(service, food.wholesale, MARKET, FOREIGN, 300, 30)
    await food.ship(service, PACKED_LOT, 100, 40, to=STORE)


def orders(area: str) -> Any:
    return department("traceability:recalls:write", "traceability:recalls:read", area=area, code=f"d{area}")


@pytest.mark.parametrize("area", ["370686", "370602", "370600", "370000", "100000"])
async def test_a_department_where_it_was_seen_orders_the_recall(traceability: Harness, area: str) -> None:
    await delivered(traceability)
    assert await verdicts(traceability, [FOREIGN, PACKED_LOT]) == ["unknown", "safe"]
    recall = await food.recall(traceability, FOREIGN, as_=orders(area))
    assert (recall["ordered"], recall["uscc"], recall["party_name"]) == (True, "", "生产者不明")
    assert (recall["area_code"], recall["started_at"]) == (area, None)
    assert [(one["lot_id"], one["root"]) for one in recall["lots"]] == [(FOREIGN, True), (PACKED_LOT, False)]
    assert await verdicts(traceability, [FOREIGN, PACKED_LOT]) == ["recalled", "recalled"]
    held = {(h["holder"], one["lot_id"]): one for h in recall["holders"] for one in h["holdings"]}
    assert {key: (one["confirmed"], one["received"], one["expected"]) for key, one in held.items()} == {
        (COOP, FOREIGN): (True, "0.000000", "0.000000"),
        (COOP, PACKED_LOT): (True, "1900.000000", "0.000000"),
        (WHOLESALE, FOREIGN): (False, "300.000000", "0.000000"),
        (SHOP, PACKED_LOT): (True, "0.000000", "100.000000"),
    }
    assert recall["notices"]["sent"] == 3
    for caller, lots in ((food.coop, [FOREIGN, PACKED_LOT]), (food.wholesale, [FOREIGN]), (food.shop, [PACKED_LOT])):
        [notice] = ok(await traceability.get("/v1/traceability/notices", as_=caller))
        assert (notice["number"], sorted(notice["lots"])) == (recall["number"], sorted(lots))
    [event] = traceability.published(RecallOpened)
    assert (event.uscc, event.party_name, event.area_code, event.lots_count) == ("", "生产者不明", area, 2)
    last = {event.lot_id: event.verdict for event in traceability.published(LotUpdated)}
    assert (last[FOREIGN], last[PACKED_LOT]) == ("recalled", "recalled")


async def test_the_case_is_worked_by_who_ordered_it_whoever_registers_afterwards(traceability: Harness) -> None:
    await delivered(traceability)
    ordered = orders("370602")
    more = {"producer_uscc": SUPPLIER, "producer_name": "青岛某果蔬公司"}
    recall = await food.recall(traceability, FOREIGN, as_=ordered, **more)
    assert (recall["uscc"], recall["party_name"]) == (SUPPLIER, "青岛某果蔬公司")
    supplier = enterprise(SUPPLIER)
    body = {"name": "青岛某果蔬公司", "area_code": "370211", "roles": ["producer"]}
    ok(await traceability.put(f"/v1/traceability/parties/{SUPPLIER}", json=body, as_=supplier))
    ok(await traceability.post(step(recall, ":start"), as_=ordered))
    await food.receive(traceability, food.shop, STORE, FOREIGN, 5, 50)
    [shop] = [
        one for one in ok(await traceability.get(step(recall, ""), as_=ordered))["holders"] if one["holder"] == SHOP
    ]
    assert {one["lot_id"] for one in shop["holdings"]} == {FOREIGN, PACKED_LOT}
    for area in ("370686", "370211"):
        food.refused(await traceability.get(step(recall, "/holdings"), as_=orders(area)), 403, "area")
    close = {"outcome": "revoked", "note": "复检合格"}
    closing = staff("case_officer", user="wu", area="370602")
    ok(await traceability.post(step(recall, ":close"), json=close, as_=closing))
    assert await verdicts(traceability, [FOREIGN, PACKED_LOT]) == ["unknown", "safe"]
    assert {event.uscc for event in traceability.published(RecallUpdated)} == {SUPPLIER}
    assert [event.uscc for event in traceability.published(RecallClosed)] == [SUPPLIER]


async def test_who_may_not(traceability: Harness) -> None:
    await delivered(traceability)
    body = food.recall_body(FOREIGN)
    problem = food.refused(await traceability.post(RECALLS, json=body, as_=orders("370611")), 403, "area")
    assert "370602" in problem["detail"]
    for caller in (food.coop, food.wholesale):
        answer = await traceability.post(RECALLS, json=body, as_=caller)
        assert food.places(answer) == [("/lots/0", "lot.unknown")]
        assert "监管部门" in answer.json()["errors"][0]["detail"]
    named = await traceability.post(RECALLS, json=food.recall_body("09521101530049.NONE"), as_=food.officer)
    assert food.places(named) == [("/lots/0", "lot.unknown")]
    mixed = await traceability.post(RECALLS, json=food.recall_body(FOREIGN, PACKED_LOT), as_=food.officer)
    assert food.places(mixed) == [("/lots", "recall.producers")]
    known = await traceability.post(RECALLS, json=food.recall_body(PACKED_LOT, producer_name="某厂"), as_=food.officer)
    assert food.places(known) == [("/producer_name", "recall.producer_known")]
    blamed = food.recall_body(FOREIGN, producer_uscc=SHOP)
    food.refused(await traceability.post(RECALLS, json=blamed, as_=orders("370602")), 403, "area")
    recall = await food.recall(traceability, FOREIGN)
    food.refused(await traceability.post(RECALLS, json=body, as_=food.officer), 409, "recall.lot_recalled")
    assert (await verdict(traceability, FOREIGN))["recall"]["number"] == recall["number"]


async def test_a_receipt_beside_the_opening_of_what_no_register_has(traceability: Harness) -> None:
    await food.register(traceability)
    for number in range(6):
        one = f"09521101530049.R{number}"
        await food.receive(traceability, food.wholesale, MARKET, one, 3, 30)
        both: list[Any] = [
            food.receive(traceability, food.shop, STORE, one, 3, 40 + number),
            food.recall(traceability, one),
        ]
        await asyncio.gather(*(both if number % 2 else both[::-1]))
        for caller in (food.shop, food.wholesale):
            notices = ok(await traceability.get("/v1/traceability/notices", as_=caller))
            assert [one] in [notice["lots"] for notice in notices]


async def test_who_told_of_it_traces_its_own_words(traceability: Harness) -> None:
    await delivered(traceability)
    path = f"/v1/traceability/lots/{FOREIGN}/trace"
    mine = ok(await traceability.get(path, as_=food.coop))
    assert {node["node"] for node in mine["nodes"]} == {FOREIGN, PACKED_LOT}
    assert [[each["node"] for each in edge["outputs"]] for edge in mine["edges"]] == [[PACKED_LOT]]
    assert {(one["lot_id"], one["holder"]) for one in mine["holdings"]} == {
        (FOREIGN, COOP), (PACKED_LOT, COOP), (PACKED_LOT, SHOP),
    }  # fmt: skip
    theirs = ok(await traceability.get(path, as_=food.wholesale))
    assert ({node["node"] for node in theirs["nodes"]}, theirs["edges"]) == ({FOREIGN}, [])
    assert [(one["holder"], one["received"]) for one in theirs["holdings"]] == [(WHOLESALE, "300.000000")]
    food.refused(await traceability.get(path, as_=food.shop), 404, "lot")
    reader = "traceability:lots:read"
    for area in ("370602", "370686", "370000"):
        whole = ok(await traceability.get(path, as_=department(reader, area=area)))
        assert {FOREIGN, PACKED_LOT} <= {node["node"] for node in whole["nodes"]}
        assert WHOLESALE in {one["holder"] for one in whole["holdings"] if one["lot_id"] == FOREIGN}
    food.refused(await traceability.get(path, as_=department(reader, area="110101")), 403, "area")


async def test_an_event_at_no_place_is_seen_where_its_teller_is(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    nowhere = "9521101530094"
    await food.tell(
        on_sqlite,
        food.shop,
        "ObjectEvent",
        nowhere,
        "storing",
        5,
        action="OBSERVE",
        quantityList=food.amounts(FOREIGN, 5),
    )
    path = f"/v1/traceability/lots/{FOREIGN}/trace"
    ok(await on_sqlite.get(path, as_=department("traceability:lots:read", area="370611")))
    food.refused(await on_sqlite.get(path, as_=department("traceability:lots:read", area="370602")), 403, "area")
    body = food.recall_body(FOREIGN)
    food.refused(await on_sqlite.post(RECALLS, json=body, as_=orders("370602")), 403, "area")
    recall = await food.recall(on_sqlite, FOREIGN, as_=orders("370611"))
    assert [one["holder"] for one in recall["holders"]] == [SHOP]
