"""Traces and the affected set: diamonds, circles, containers, quantities, findings, bounds, owners."""

from decimal import Decimal
from typing import Any

from services.traceability.genealogy.service import affected, held
from shared.events.credit import ListingPublished
from tests.support.app import NOW, Harness
from tests.support.callers import department, public, staff
from tests.traceability import chain
from tests.traceability.chain import (
    BOX,
    FRUIT,
    MARKET,
    ORCHARD,
    PACKER,
    SHOP,
    amount,
    capture,
    document,
    gln,
    link,
    lot,
    of,
    sscc,
)

READER = staff("inspector")


async def trace(harness: Harness, lot_id: str, as_: Any = READER, **parameters: Any) -> dict[str, Any]:
    answer = await harness.get(f"/v1/traceability/lots/{lot_id}/trace", params=parameters, as_=as_)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def depths(found: dict[str, Any], direction: str) -> dict[str, int]:
    return {node["node"]: node["depth"] for node in found["nodes"] if node["direction"] == direction}


async def make(harness: Harness, day: float, inputs: list[str], outputs: list[str]) -> None:
    """Boxes out of boxes: enough for graphs of any shape."""
    made = chain.pack(day, [amount(BOX, n, 1, None) for n in inputs], [amount(BOX, n, 1, None) for n in outputs])
    assert (await capture(harness, document(made), of(PACKER)))["stored"] == 1


async def test_the_whole_chain(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    box = lot(BOX, "B1")
    found = await trace(traceability, box)
    assert depths(found, "backward") == {lot(FRUIT, "F1"): 1, lot(FRUIT, "F2"): 1}
    assert depths(found, "forward") == {sscc(1): 1}
    packing, pallet = found["edges"]
    assert [(each["node"], Decimal(each["quantity"]), each["uom"]) for each in packing["inputs"]] == [
        (lot(FRUIT, "F1"), 600, "KGM"),
        (lot(FRUIT, "F2"), 400, "KGM"),
    ]
    assert [each["node"] for each in packing["outputs"]] == [box], "the other output is not on this lot's way"
    assert (pallet["relation"], pallet["inputs"][0]["node"], pallet["outputs"][0]["node"]) == (
        "aggregation",
        box,
        sscc(1),
    )
    held = {(each["lot_id"], each["holder"]): each for each in found["holdings"]}
    at_market, at_shop, at_packer = (held[box, holder] for holder in (MARKET, SHOP, PACKER))
    assert [Decimal(at_packer[name]) for name in ("made", "shipped", "on_hand")] == [50, 50, 0]
    assert [Decimal(at_market[name]) for name in ("received", "shipped", "on_hand")] == [50, 30, 20]
    assert [Decimal(at_shop[name]) for name in ("received", "sold", "on_hand", "expected")] == [30, 12, 18, 0]
    assert at_shop["holder_name"] == "社区水果店"
    assert (found["completeness"]["complete"], found["findings"], found["truncated"]) == (True, [], False)
    [self_] = [node for node in found["nodes"] if node["direction"] == "self"]
    assert (self_["product_name"], self_["place"], self_["owner"]["uscc"]) == ("盒装苹果", "社区水果店场所", PACKER)


async def test_a_diamond(traceability: Harness) -> None:
    """A into B and C, both into D: each node once, at its least depth; what shares a pallet with B is no descendant."""
    await chain.register(traceability)
    await make(traceability, 1, ["A"], ["B", "C"])
    await make(traceability, 2, ["B", "C"], ["D", "E"])
    await make(traceability, 3, ["D"], ["F"])
    boxed = [amount(BOX, "B", 1, None), amount(BOX, "X", 1, None)]
    pallet = chain.event("AggregationEvent", 1.5, 2, "packing", action="ADD", parentID=sscc(1), childQuantityList=boxed)
    await capture(traceability, document(pallet), of(PACKER))
    found = await trace(traceability, lot(BOX, "A"), direction="forward")
    assert depths(found, "forward") == {
        lot(BOX, "B"): 1,
        lot(BOX, "C"): 1,
        sscc(1): 2,
        lot(BOX, "D"): 2,
        lot(BOX, "E"): 2,
        lot(BOX, "F"): 3,
    }
    back = await trace(traceability, lot(BOX, "F"), direction="backward")
    assert depths(back, "backward") == {lot(BOX, "D"): 1, lot(BOX, "B"): 2, lot(BOX, "C"): 2, lot(BOX, "A"): 3}
    inputs = {node["node"] for edge in back["edges"] for node in edge["inputs"]}
    assert inputs == {lot(BOX, n) for n in "ABCD"}


async def test_a_circle_ends(traceability: Harness) -> None:
    """Rework: A into B and C, B and C back into A and D."""
    await chain.register(traceability)
    await make(traceability, 1, ["A"], ["B", "C"])
    await make(traceability, 2, ["B", "C"], ["A", "D"])
    found = await trace(traceability, lot(BOX, "A"), max_depth=30)
    assert {node["node"] for node in found["nodes"]} == {lot(BOX, n) for n in "ABCD"}
    assert depths(found, "self") == {lot(BOX, "A"): 0}
    async with traceability.platform.read() as session:
        reached = await affected(session, [lot(BOX, "A")])
    assert [each.lot_id[-1] for each in reached.lots] == ["A", "B", "C", "D"]


async def test_one_transformation_in_several_events(traceability: Harness) -> None:
    """Inputs told in one event, outputs in another, joined by the transformationID."""
    await chain.register(traceability)
    run = {"transformationID": f"https://id.gs1.org/253/{gln(2)}RUN1"}
    put_in = chain.event(
        "TransformationEvent", 1, 2, "commissioning", inputQuantityList=[amount(FRUIT, "F1", 9)], **run
    )
    made = [amount(BOX, "B1", 1, None)]
    taken_out = chain.event("TransformationEvent", 2, 2, "commissioning", outputQuantityList=made, **run)
    assert (await capture(traceability, document(put_in), of(PACKER)))["stored"] == 1
    assert (await capture(traceability, document(taken_out), of(PACKER)))["stored"] == 1
    found = await trace(traceability, lot(BOX, "B1"), direction="backward")
    assert depths(found, "backward") == {lot(FRUIT, "F1"): 1}
    assert [(len(edge["inputs"]), len(edge["outputs"])) for edge in found["edges"]] == [(1, 0), (0, 1)]


async def test_a_class_joins_nothing(traceability: Harness) -> None:
    """`220 pieces of this product` says nothing of a lot: two such events have nothing to do with each other."""
    await chain.register(traceability)
    some = {"epcClass": f"https://id.gs1.org/01/{FRUIT}", "quantity": 220}
    await capture(traceability, document(chain.pack(1, [some], [amount(BOX, "B1", 1, None)])), of(PACKER))
    back = await trace(traceability, lot(BOX, "B1"), direction="backward")
    assert depths(back, "backward") == {}
    assert [each["code"] for each in back["findings"]] == []


async def test_nested_containers_carry_their_contents(traceability: Harness) -> None:
    await chain.register(traceability)
    await chain.put(traceability, f"lots/{BOX}/B1", {"produced_on": "2026-11-07"}, PACKER)
    made = chain.event("ObjectEvent", 0, 2, "commissioning", action="ADD", quantityList=[amount(BOX, "B1", 50, None)])
    case = {"action": "ADD", "parentID": sscc(1), "childQuantityList": [amount(BOX, "B1", 20, None)]}
    pallet = {"action": "ADD", "parentID": sscc(2), "childEPCs": [sscc(1)]}
    sent = document(
        made,
        chain.event("AggregationEvent", 1, 2, "packing", **case),
        chain.event("AggregationEvent", 2, 2, "loading", **pallet),
        chain.ship(2, 3, 3, epcs=(sscc(2),)),
    )
    assert (await capture(traceability, sent, of(PACKER)))["stored"] == 4
    async with traceability.platform.read() as session:
        whole = (await held(session, [lot(BOX, "B1")])).holdings
    by = {holding.holder: holding for holding in whole}
    assert (by[PACKER].made, by[PACKER].shipped, by[PACKER].on_hand) == (50, 20, 30)
    assert by[MARKET].expected == 20
    found = await trace(traceability, lot(BOX, "B1"), direction="forward")
    assert [finding["code"] for finding in found["findings"]] == ["shipped_without_receipt"]
    assert found["completeness"]["text_en"] == "1 shipment has no receipt"


async def test_what_is_unpacked_is_not_moved_by_its_old_container(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    later = document(chain.ship(3, 4, 12, epcs=(sscc(1),)))
    await capture(traceability, later, of(MARKET))
    async with traceability.platform.read() as session:
        whole = (await held(session, [lot(BOX, "B1")])).holdings
    by = {holding.holder: holding for holding in whole}
    assert (by[MARKET].shipped, by[SHOP].expected) == (30, 0)


async def test_the_affected_set_of_a_harvest(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    async with traceability.platform.read() as session:
        reached = await affected(session, [lot(FRUIT, "F1")])
        holdings = (await held(session, [each.lot_id for each in reached.lots])).holdings
    assert [(each.lot_id, each.depth, each.product_name) for each in reached.lots] == [
        (lot(FRUIT, "F1"), 0, "散装苹果"),
        (lot(BOX, "B1"), 1, "盒装苹果"),
        (lot(BOX, "B2"), 1, "盒装苹果"),
    ]
    assert {(each.lot_id, each.holder): each.on_hand for each in holdings} == {
        (lot(FRUIT, "F1"), ORCHARD): 0,
        (lot(FRUIT, "F1"), PACKER): 0,
        (lot(BOX, "B1"), PACKER): 0,
        (lot(BOX, "B1"), MARKET): 20,
        (lot(BOX, "B1"), SHOP): 18,
        (lot(BOX, "B2"), PACKER): 40,
    }
    assert reached.truncated is False


async def test_findings(traceability: Harness) -> None:
    """A receipt that nobody sent, more sold than received, a sale after the last day, an origin that nobody knows."""
    await chain.register(traceability)
    await chain.put(traceability, f"lots/{BOX}/B1", {"produced_on": "2026-11-04", "expires_on": "2026-11-10"}, PACKER)
    sold = chain.event(
        "ObjectEvent", 9, 4, "retail_selling", action="OBSERVE", quantityList=[amount(BOX, "B1", 7, None)]
    )
    made = chain.pack(0, [amount(FRUIT, "UNKNOWN", 5)], [amount(BOX, "B1", 5, None)])
    await capture(traceability, document(made), of(PACKER))
    got = chain.event("ObjectEvent", 3, 4, "receiving", action="OBSERVE", quantityList=[amount(BOX, "B1", 5, None)])
    await capture(traceability, document(got, sold), of(SHOP))
    found = await trace(traceability, lot(BOX, "B1"))
    assert {(each["code"], each["node"], each["holder"]) for each in found["findings"]} == {
        ("received_without_shipping", lot(BOX, "B1"), SHOP),
        ("more_out_than_in", lot(BOX, "B1"), SHOP),
        ("more_out_than_in", lot(FRUIT, "UNKNOWN"), PACKER),
        ("sold_after_expiry", lot(BOX, "B1"), SHOP),
        ("no_origin", lot(FRUIT, "UNKNOWN"), None),
    }
    assert found["completeness"]["complete"] is False
    assert found["completeness"]["text_en"] == "1 branch has no known origin"


async def test_a_supplier_that_reported_nothing(traceability: Harness) -> None:
    await chain.register(traceability)
    got = chain.receive(1, 2, 1, amount(FRUIT, "F7", 100))
    made = chain.pack(2, [amount(FRUIT, "F7", 100)], [amount(BOX, "B1", 10, None)])
    await capture(traceability, document(got, made), of(PACKER))
    found = await trace(traceability, lot(BOX, "B1"), direction="backward")
    [origin] = [each for each in found["findings"] if each["code"] == "no_origin"]
    assert origin["holder"] == ORCHARD
    assert "1 branch ends at a supplier that reported nothing" in found["completeness"]["text_en"]


async def test_the_credit_of_an_owner(on_sqlite: Harness) -> None:
    await chain.whole_chain(on_sqlite)
    await on_sqlite.deliver(
        ListingPublished(
            listing_id="L1",
            uscc=ORCHARD,
            party_name="果园合作社",
            colour="black",
            area_code="370686",
            ground_code="g",
            ground="食品安全",
            ground_en="Food safety",
            article="x",
            authority="yt-scjg",
            authority_name="市场监管局",
            document_number="1",
            decided_on=NOW.date(),
            published_on=NOW.date(),
            valid_from=NOW.date(),
            valid_until=NOW.date().replace(year=2029),
        )
    )
    found = await trace(on_sqlite, lot(BOX, "B1"), direction="backward")
    owners = {node["node"]: node["owner"]["colour"] for node in found["nodes"] if node["owner"]}
    assert owners == {lot(BOX, "B1"): None, lot(FRUIT, "F1"): "black", lot(FRUIT, "F2"): "black"}


async def test_bounds(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    for number in range(4):
        await make(on_sqlite, number, [f"S{number}"], [f"S{number + 1}"])
    found = await trace(on_sqlite, lot(BOX, "S0"), direction="forward", max_depth=2)
    assert (list(depths(found, "forward")), found["truncated"]) == ([lot(BOX, "S1"), lot(BOX, "S2")], True)
    assert "not whole" in found["completeness"]["text_en"]


async def test_who_may_trace(on_sqlite: Harness) -> None:
    await chain.whole_chain(on_sqlite)
    path = f"/v1/traceability/lots/{lot(BOX, 'B1')}/trace"
    statuses = {
        (await on_sqlite.get(path, as_=caller)).status_code: caller.id
        for caller in (public(), of(SHOP), of(chain.firm("MA3C0A19")))
    }
    assert sorted(statuses) == [200, 401, 403]
    assert statuses[200] == of(SHOP).id
    assert (await on_sqlite.get(path, as_=department("traceability:lots:read"))).status_code == 200


async def test_wrong_lots(on_sqlite: Harness) -> None:
    missing = await on_sqlite.get(f"/v1/traceability/lots/{lot(BOX, 'NONE')}/trace", as_=READER)
    assert missing.status_code == 404
    for lot_id, code in ((f"{BOX[:-1]}9.A", "gtin.check_digit"), ("nothing", "lot_id.form")):
        wrong = await on_sqlite.get(f"/v1/traceability/lots/{lot_id}/trace", as_=READER)
        assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, code)
    wrong = await on_sqlite.get(f"/v1/traceability/lots/{lot(BOX, 'A')}/trace?max_depth=31&direction=up", as_=READER)
    assert {error["pointer"] for error in wrong.json()["errors"]} == {"?max_depth", "?direction"}


async def test_a_lot_number_with_a_slash(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    await chain.put(on_sqlite, f"lots/{FRUIT}/2026%2F09", {"produced_on": "2026-11-04"}, ORCHARD)
    harvest = chain.harvest("2026%2F09")
    assert harvest["quantityList"][0]["epcClass"] == link(FRUIT, "2026%2F09")
    assert (await capture(on_sqlite, document(harvest), of(ORCHARD)))["success"] is True
    found = await trace(on_sqlite, lot(FRUIT, "2026%2F09"))
    assert found["lot_id"] == lot(FRUIT, "2026/09")
    assert found["holdings"][0]["holder"] == ORCHARD
    assert gln(1) == on_sqlite.rows("SELECT place_gln FROM epcis_event")[0][0]
