"""What a claim tells: not who held a container, not which lots others spoke of, no trace by a word that does not
count; and a department's word on a place stands."""

from typing import Any

import pytest

from services.traceability.callers import READ
from services.traceability.epcis.api import READ as EPCIS_READ
from services.traceability.epcis.api import WRITE as EPCIS_WRITE
from tests.support.app import Harness
from tests.support.callers import department
from tests.traceability import chain, food
from tests.traceability.chain import BOX, CONTEXT, MARKET, PACKER, SHOP, amount, gln, lot, of, sscc
from tests.traceability.rights.attacks import ATTACKER, BAD, NUTS, STRANGER, settle

COUNTY = department(EPCIS_WRITE, EPCIS_READ, READ, area="370686", code="qx", client="client-qx")


async def told(harness: Harness, event: dict[str, Any], as_: Any) -> str:
    """The record of an event that is captured."""
    food.ok(await harness.post("/epcis/events", json={"@context": CONTEXT, **event}, as_=as_), 201)
    [(record,)] = harness.rows("SELECT max(record_id) FROM epcis_event")
    return str(record)


async def test_a_claim_does_not_tell_who_held_a_container(on_sqlite: Harness) -> None:
    """At no time: whoever guesses a number would read who had it when."""
    await settle(on_sqlite)
    for day in (4.1, 5.5, 8):
        inside = [amount(NUTS, "BAD", 1, None)]
        event = chain.event(
            "AggregationEvent", day, 5, "packing", action="ADD", parentID=sscc(1), childQuantityList=inside
        )
        await told(on_sqlite, event, of(ATTACKER))
    claims = food.ok(await on_sqlite.get("/v1/traceability/claims?own=true", as_=of(ATTACKER)))["items"]
    assert len(claims) == 3
    assert {each["asks"] for claim in claims for each in claim["objects"] if each["node"] != BAD} == {None}
    trace = food.ok(await on_sqlite.get(f"/v1/traceability/lots/{NUTS}.BAD/trace", as_=of(ATTACKER)))
    waiting = [each for each in trace["findings"] if each["code"] == "unconfirmed"]
    body = {"lots": [BAD], "level": 1, "reason": "农药残留超标"}
    recall = food.ok(await on_sqlite.post("/v1/traceability/recalls", json=body, as_=of(ATTACKER)), 201)
    assert waiting
    assert recall["to_ask"]
    for uscc in (PACKER, MARKET, SHOP):
        assert uscc not in str(waiting)
        assert uscc not in str(recall["to_ask"])
    # Authorities are told whom to ask, and the owner of a GTIN stands in the register.
    officer = food.ok(await on_sqlite.get(f"/v1/traceability/recalls/{recall['recall_id']}", as_=food.officer))
    assert {each["asks"] for each in officer["to_ask"]} & {PACKER, MARKET, SHOP}
    out = chain.event("ObjectEvent", 6, 5, "inspecting", action="OBSERVE", quantityList=[amount(BOX, "B1", 1, None)])
    await told(on_sqlite, out, of(ATTACKER))
    claims = food.ok(await on_sqlite.get("/v1/traceability/claims?own=true", as_=of(ATTACKER)))["items"]
    assert claims[-1]["objects"][0]["asks"] == PACKER


@pytest.mark.parametrize("word", ["confirm", "reject"])
async def test_a_departments_word_on_a_place_stands(on_sqlite: Harness, word: str) -> None:
    await settle(on_sqlite)
    stored = chain.event("ObjectEvent", 4.5, 3, "storing", action="OBSERVE", quantityList=[amount(BOX, "B1", 1, None)])
    record = await told(on_sqlite, stored | chain.parties(2, 3), of(PACKER))
    path = f"/v1/traceability/claims/{record}"
    assert "place" in food.ok(await on_sqlite.post(f"{path}:{word}", as_=chain.DEPARTMENT))["nodes"]
    before = (await food.verdict(on_sqlite, lot(BOX, "B1")))["journey"]
    for other in ("confirm", "reject"):
        assert (await on_sqlite.post(f"{path}:{other}", as_=of(MARKET))).status_code == 404
    assert (await food.verdict(on_sqlite, lot(BOX, "B1")))["journey"] == before
    assert on_sqlite.rows("SELECT confirmed, decided_by FROM claim_decision WHERE node = 'place'") == [
        (word == "confirm", None)
    ]


async def test_a_word_that_does_not_count_opens_no_trace_to_its_department(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    path = f"/v1/traceability/lots/{BOX}.B1/trace"
    assert (await on_sqlite.get(path, as_=STRANGER)).status_code == 403
    seen = chain.event("ObjectEvent", 6, 5, "inspecting", action="OBSERVE", quantityList=[amount(BOX, "B1", 1, None)])
    far = {"name": "北京厂", "area_code": "110101", "roles": ["producer"]}
    firm = chain.firm("MA3C0A17", "110101")
    await chain.put(on_sqlite, f"parties/{firm}", far, firm)
    place = {"name": "北京厂场所", "uscc": firm, "area_code": "110101", "kind": "factory"}
    await chain.put(on_sqlite, f"places/{gln(6)}", place, firm)
    for name in ("readPoint", "bizLocation"):
        seen[name] = {"id": f"https://id.gs1.org/414/{gln(6)}"}
    await told(on_sqlite, seen, of(firm))
    assert (await on_sqlite.get(path, as_=STRANGER)).status_code == 403
    # What its holder sends there is seen there.
    await told(on_sqlite, chain.ship(3, 6, 7, amount(BOX, "B1", 1, None)), of(MARKET))
    await told(on_sqlite, chain.receive(3, 6, 8, amount(BOX, "B1", 1, None)), of(firm))
    assert (await on_sqlite.get(path, as_=STRANGER)).status_code == 200


async def test_a_lot_of_which_only_others_spoke_is_none(on_sqlite: Harness) -> None:
    """Whether somebody named it is told by no answer to anybody but its owner."""
    await settle(on_sqlite)
    seen = chain.event("ObjectEvent", 6, 5, "inspecting", action="OBSERVE", quantityList=[amount(BOX, "XX", 1, None)])
    await told(on_sqlite, seen, of(ATTACKER))
    answers = {}
    for number in ("XX", "NO"):
        lot_id = lot(BOX, number)
        report = food.report(lot_id=lot_id) | {"kind": "self"}
        recall = {"lots": [lot_id], "level": 1, "reason": "农药残留超标"}
        answers[number] = [
            (await on_sqlite.get(f"/v1/traceability/lots/{lot_id}", as_=of(SHOP))).status_code,
            (await on_sqlite.get(f"/v1/traceability/lots/{lot_id}/trace", as_=of(SHOP))).status_code,
            (await on_sqlite.post("/v1/traceability/tests", json=report, as_=of(SHOP))).json()["errors"][0]["code"],
            (await on_sqlite.post("/v1/traceability/recalls", json=recall, as_=of(SHOP))).json()["errors"][0]["code"],
        ]
    assert answers["XX"] == answers["NO"] == [404, 404, "lot.unknown", "lot.unknown"]


async def test_who_makes_a_product_is_told_to_its_authorities(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    path = f"/v1/traceability/products/{BOX}/makers"
    codes = [(await on_sqlite.get(path, as_=who)).status_code for who in (of(PACKER), COUNTY, STRANGER, of(SHOP))]
    assert codes == [200, 200, 403, 403]


async def test_a_county_voids_nothing_that_the_city_captured(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    seen = chain.event("ObjectEvent", 6, 2, "inspecting", action="OBSERVE", quantityList=[amount(BOX, "B1", 1, None)])
    seen |= {"eventID": "urn:city:1"}
    city = department(EPCIS_WRITE, EPCIS_READ, READ, area="370600", code="yt", client="client-yt")
    await told(on_sqlite, seen, city)
    void = seen | {"errorDeclaration": {"declarationTime": chain.at(12), "reason": "incorrect_data"}}
    answer = await on_sqlite.post("/epcis/events", json={"@context": CONTEXT, **void}, as_=COUNTY)
    assert answer.status_code == 404, answer.text
    assert (await on_sqlite.post("/epcis/events", json={"@context": CONTEXT, **void}, as_=city)).status_code == 201
