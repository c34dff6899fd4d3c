"""Who comes to a GTIN after others spoke of it: no power over their products and words, until it is confirmed."""

import asyncio
from typing import Any

import pytest

from services.traceability.callers import WRITE
from tests.support.app import Harness
from tests.support.callers import Caller, staff
from tests.traceability import chain, food
from tests.traceability.chain import BOX, MARKET, PACKER, amount, gtin, lot, of
from tests.traceability.rights.attacks import ATTACKER, BAD, NUTS, STRANGER, settle, snapshot

SUGAR = gtin(8)
"""A material of a supplier whom nobody knows here."""
USED = lot(SUGAR, "S1")
MADE = lot(BOX, "B9")
OFFICER = staff("case_officer", area="370686")


async def used(harness: Harness) -> None:
    """The packer received sugar, sent some on to the market, and made boxes of it that the market has."""
    await settle(harness)
    sugar, boxes = amount(SUGAR, "S1", 10), amount(BOX, "B9", 20, None)
    document = chain.document(
        chain.event("ObjectEvent", 2, 2, "receiving", action="OBSERVE", quantityList=[sugar]),
        chain.ship(2, 3, 2.5, amount(SUGAR, "S1", 3)),
        chain.pack(3, [amount(SUGAR, "S1", 7)], [boxes]),
        chain.ship(2, 3, 4, boxes),
    )
    assert (await chain.capture(harness, document, of(PACKER)))["stored"] == 4
    arrived = chain.document(
        chain.receive(2, 3, 3, amount(SUGAR, "S1", 3)), chain.receive(2, 3, 5, amount(BOX, "B9", 20, None))
    )
    assert (await chain.capture(harness, arrived, of(MARKET)))["stored"] == 2


async def come(harness: Harness, owner: str, *, lot: bool = True) -> None:
    """Somebody registers the sugar, with the lot that others used."""
    product = {"name": "白砂糖", "owner_uscc": owner, "shelf_life_days": 700}
    await chain.put(harness, f"products/{SUGAR}", product, owner)
    if lot:
        await chain.put(harness, f"lots/{SUGAR}/S1", {"produced_on": "2026-10-01"}, owner)


async def opened(harness: Harness, *lots: str, as_: Caller) -> Any:
    return await harness.post("/v1/traceability/recalls", json=food.recall_body(*lots), as_=as_)


async def members(harness: Harness, recall_id: str) -> set[str]:
    page = food.ok(await harness.get(f"/v1/traceability/recalls/{recall_id}/lots", params={"limit": "100"}))
    return {each["lot_id"] for each in page["items"]}


async def test_a_stranger_who_registers_it_has_nothing_of_it(traceability: Harness) -> None:
    await used(traceability)
    before = await snapshot(traceability)
    await come(traceability, ATTACKER)
    # It sends the lot to those who had it, and says that it made it of its own: they had it before.
    told = [
        chain.ship(5, 2, 1, amount(SUGAR, "S1", 10)),
        chain.ship(5, 3, 1, amount(SUGAR, "S1", 10)),
        chain.event(
            "TransformationEvent",
            0.5,
            5,
            "commissioning",
            inputQuantityList=[amount(NUTS, "BAD", 1, None)],
            outputQuantityList=[amount(SUGAR, "S1", 10)],
        ),
    ]
    await chain.capture(traceability, chain.document(*told), of(ATTACKER))

    refused = await opened(traceability, USED, as_=of(ATTACKER))
    [problem] = food.refused(refused, 409, "recall.title_unconfirmed")["errors"]
    assert (problem["pointer"], f"products/{SUGAR}:confirm" in problem["detail"]) == ("/lots/0", True)
    case = food.ok(await opened(traceability, BAD, as_=of(ATTACKER)), 201)
    assert MADE not in await members(traceability, case["recall_id"])
    assert (await food.verdict(traceability, MADE))["verdict"] != "recalled"
    holders = food.ok(await traceability.get(f"/v1/traceability/recalls/{case['recall_id']}", as_=of(ATTACKER)))
    others = [one for each in holders["holders"] if each["holder"] != ATTACKER for one in each["holdings"]]
    assert {float(one["received"]) for one in others} == {0}, "only what it says itself that it sent"

    found = food.ok(await traceability.get(f"/v1/traceability/lots/{USED}/trace", as_=of(ATTACKER)))
    assert {each["holder"] for each in found["holdings"]} <= {ATTACKER, PACKER, MARKET}
    assert all(not float(each["received"]) for each in found["holdings"])
    assert all(float(each["expected"]) for each in found["holdings"] if each["holder"] != ATTACKER)
    assert MADE not in {node["node"] for node in found["nodes"]}
    claims = food.ok(await traceability.get("/v1/traceability/claims", as_=of(ATTACKER)))
    assert claims["items"] == []
    after = await snapshot(traceability)
    changed = {key for key in before if after[key] != before[key]}
    assert changed <= {f"events {PACKER}", f"events {MARKET}", f"recall {[BAD]}"}

    # Neither its own word nor a department elsewhere opens it.
    confirm = f"/v1/traceability/products/{SUGAR}:confirm"
    assert food.ok(await traceability.post(confirm, as_=of(ATTACKER)))["confirmed_by"] == ATTACKER
    assert (await traceability.post(confirm, as_=STRANGER.but(scope=WRITE))).status_code == 403
    assert (await opened(traceability, USED, as_=of(ATTACKER))).status_code == 409


async def test_a_late_supplier_is_confirmed(traceability: Harness) -> None:
    """By those who have its goods, each for itself, or by a department for all."""
    await used(traceability)
    await come(traceability, ATTACKER)
    confirm = f"/v1/traceability/products/{SUGAR}:confirm"
    food.ok(await traceability.post(confirm, as_=of(PACKER)))
    assert (await opened(traceability, USED, as_=of(ATTACKER))).status_code == 409, "the market has some, too"
    food.ok(await traceability.post(confirm, as_=chain.DEPARTMENT))
    case = food.ok(await opened(traceability, USED, as_=of(ATTACKER)), 201)
    assert await members(traceability, case["recall_id"]) == {USED, MADE}
    assert (await food.verdict(traceability, MADE))["verdict"] == "recalled"
    said = [row[0] for row in traceability.rows("SELECT action FROM audit_entry WHERE action LIKE 'product.c%'")]
    assert said == ["product.confirm", "product.confirm"]


async def test_an_authority_recalls_whoever_came_late(traceability: Harness) -> None:
    await used(traceability)
    await come(traceability, ATTACKER)
    case = food.ok(await opened(traceability, USED, as_=OFFICER), 201)
    assert await members(traceability, case["recall_id"]) == {USED, MADE}


async def test_what_is_told_afterwards_counts(traceability: Harness) -> None:
    """Only what was said before the registration waits: the supplier's next lots are like everybody's."""
    await used(traceability)
    await come(traceability, ATTACKER)
    await chain.put(traceability, f"lots/{SUGAR}/S2", {"produced_on": "2026-10-02"}, ATTACKER)
    more = chain.document(chain.pack(6, [amount(SUGAR, "S2", 1)], [amount(BOX, "B10", 1, None)]))
    assert (await chain.capture(traceability, more, of(PACKER)))["stored"] == 1
    case = food.ok(await opened(traceability, lot(SUGAR, "S2"), as_=of(ATTACKER)), 201)
    assert await members(traceability, case["recall_id"]) == {lot(SUGAR, "S2"), lot(BOX, "B10")}


async def test_what_a_claimant_made_stays_its_own(traceability: Harness) -> None:
    """The packer makes sugar that it never registered; a stranger registers the GTIN."""
    await settle(traceability)
    made = chain.document(
        chain.event("ObjectEvent", 1, 2, "commissioning", action="ADD", quantityList=[amount(SUGAR, "S1", 10)]),
        chain.ship(2, 3, 2, amount(SUGAR, "S1", 10)),
    )
    assert (await chain.capture(traceability, made, of(PACKER)))["stored"] == 2
    received = chain.document(chain.receive(2, 3, 3, amount(SUGAR, "S1", 10)))
    assert (await chain.capture(traceability, received, of(MARKET)))["stored"] == 1
    words = "SELECT confirmed FROM event_epc WHERE node = $1 ORDER BY record_id"
    assert [bool(row[0]) for row in traceability.rows(words, USED)] == [True, True, True]
    await come(traceability, ATTACKER, lot=False)
    assert [bool(row[0]) for row in traceability.rows(words, USED)] == [True, True, True]
    mine = chain.event(
        "TransformationEvent",
        0.5,
        5,
        "commissioning",
        inputQuantityList=[amount(NUTS, "BAD", 1, None)],
        outputQuantityList=[amount(SUGAR, "S1", 10)],
    )
    await chain.capture(traceability, chain.document(mine), of(ATTACKER))
    assert [bool(row[0]) for row in traceability.rows(words, USED)] == [True, True, True, False]
    case = food.ok(await opened(traceability, BAD, as_=of(ATTACKER)), 201)
    assert await members(traceability, case["recall_id"]) == {BAD}
    food.refused(await opened(traceability, USED, as_=of(ATTACKER)), 409, "recall.title_unconfirmed")
    assert (await traceability.get(f"/v1/traceability/lots/{USED}/trace", as_=of(PACKER))).status_code == 200


async def test_who_is_named_as_a_maker_unasked_keeps_its_words(traceability: Harness) -> None:
    """The stranger names those who used the sugar as its makers, from long before: what they said stays theirs."""
    await used(traceability)
    await come(traceability, ATTACKER)
    makers = [{"uscc": uscc, "since": "2025-05-01"} for uscc in (PACKER, MARKET, chain.SHOP)]
    words = "SELECT confirmed, late FROM event_epc WHERE node = $1 ORDER BY record_id"
    before = traceability.rows(words, USED)
    await chain.put(traceability, f"products/{SUGAR}/makers", {"makers": makers}, ATTACKER)
    assert traceability.rows(words, USED) == before
    food.refused(await opened(traceability, USED, as_=of(ATTACKER)), 409, "recall.title_unconfirmed")
    found = food.ok(await traceability.get(f"/v1/traceability/lots/{USED}/trace", as_=of(ATTACKER)))
    assert (found["holdings"], found["edges"]) == ([], [])

    # A maker by its own act: what it told counts; what the others told does not.
    confirm = f"/v1/traceability/products/{SUGAR}:confirm"
    food.ok(await traceability.post(confirm, as_=of(PACKER)))
    mine = "SELECT DISTINCT x.confirmed, x.late FROM event_epc x JOIN epcis_event e ON e.record_id = x.record_id "
    mine += "WHERE x.node = $1 AND e.captured_by = $2"
    assert [tuple(map(bool, row)) for row in traceability.rows(mine, USED, PACKER)] == [(True, False)]
    assert [tuple(map(bool, row)) for row in traceability.rows(mine, USED, MARKET)] == [(False, True)]
    food.refused(await opened(traceability, USED, as_=of(ATTACKER)), 409, "recall.title_unconfirmed")


async def test_what_a_claimant_made_stays_its_own_as_a_maker(on_sqlite: Harness) -> None:
    """The packer made the sugar before: to be called its maker does not hand the lot over, until it says so."""
    await settle(on_sqlite)
    made = chain.event("ObjectEvent", 1, 2, "commissioning", action="ADD", quantityList=[amount(SUGAR, "S3", 10)])
    await chain.capture(on_sqlite, chain.document(made, chain.ship(2, 3, 2, amount(SUGAR, "S3", 4))), of(PACKER))
    await come(on_sqlite, ATTACKER, lot=False)
    makers = {"makers": [{"uscc": PACKER, "since": "2026-02-03"}]}
    await chain.put(on_sqlite, f"products/{SUGAR}/makers", makers, ATTACKER)
    lot_id = lot(SUGAR, "S3")
    path = f"/v1/traceability/lots/{lot_id}/trace"
    assert (await on_sqlite.get(path, as_=of(ATTACKER))).status_code == 403
    assert (await on_sqlite.get(path, as_=of(PACKER))).status_code == 200
    assert (await opened(on_sqlite, lot_id, as_=of(ATTACKER))).status_code in (403, 409)
    food.ok(await on_sqlite.post(f"/v1/traceability/products/{SUGAR}:confirm", as_=of(PACKER)))
    assert (await on_sqlite.get(path, as_=of(ATTACKER))).status_code == 200


async def test_a_false_claim_takes_nobodys_products(traceability: Harness) -> None:
    """Nobody registered the sugar; a stranger says that it made the lot, and recalls what it says it made it of."""
    await used(traceability)
    mine = chain.event(
        "TransformationEvent",
        0.5,
        5,
        "commissioning",
        inputQuantityList=[amount(NUTS, "BAD", 1, None)],
        outputQuantityList=[amount(SUGAR, "S1", 10)],
    )
    await chain.capture(traceability, chain.document(mine), of(ATTACKER))
    case = food.ok(await opened(traceability, BAD, as_=of(ATTACKER)), 201)
    assert MADE not in await members(traceability, case["recall_id"])
    assert (await food.verdict(traceability, MADE))["verdict"] != "recalled"
    # What widens it later passes no late word either.
    more = chain.document(chain.pack(6, [amount(SUGAR, "S1", 1)], [amount(BOX, "B11", 1, None)]))
    assert (await chain.capture(traceability, more, of(PACKER)))["stored"] == 1
    assert MADE not in await members(traceability, case["recall_id"])


async def test_a_maker_makes_from_its_naming_on(traceability: Harness) -> None:
    """What somebody said before counts only where the owner says since when it made lots."""
    await settle(traceability)
    made = chain.pack(3, [amount(NUTS, "BAD", 1, None)], [amount(BOX, "M1", 1, None)])
    for name in ("readPoint", "bizLocation"):
        made[name] = {"id": f"https://id.gs1.org/414/{chain.gln(5)}"}
    await chain.capture(traceability, chain.document(made), of(ATTACKER))
    words = "SELECT confirmed FROM event_epc WHERE node = $1"
    path = f"products/{BOX}/makers"

    def counts() -> bool:
        [(confirmed,)] = traceability.rows(words, lot(BOX, "M1"))
        return bool(confirmed)

    named = await chain.put(traceability, path, {"makers": [{"uscc": ATTACKER}]}, PACKER)
    assert (named["makers"][0]["since"], named["version"]) == ("2026-11-24", 1)
    assert not counts()
    traceability.clock.advance(days=3)
    again = await chain.put(traceability, path, {"makers": [{"uscc": ATTACKER}]}, PACKER)
    assert (again["makers"][0]["since"], again["version"]) == ("2026-11-24", 1)
    await chain.put(traceability, path, {"makers": [{"uscc": ATTACKER, "since": "2026-11-01"}]}, PACKER)
    assert counts()
    await chain.put(traceability, path, {"makers": [{"uscc": ATTACKER, "since": "2026-11-24"}]}, PACKER)
    assert not counts(), "what was said today is corrected today"
    await chain.put(traceability, path, {"makers": [{"uscc": ATTACKER, "since": "2026-11-01"}]}, PACKER)


async def test_what_a_maker_made_stays_its_own(traceability: Harness) -> None:
    """The owner ends a maker and unmakes nothing: that is a department's word."""
    await settle(traceability)
    path = f"products/{BOX}/makers"
    await chain.put(traceability, path, {"makers": [{"uscc": ATTACKER, "since": "2026-11-01"}]}, PACKER)
    made = chain.pack(3, [amount(NUTS, "BAD", 1, None)], [amount(BOX, "M1", 1, None)])
    for name in ("readPoint", "bizLocation"):
        made[name] = {"id": f"https://id.gs1.org/414/{chain.gln(5)}"}
    await chain.capture(traceability, chain.document(made), of(ATTACKER))

    def counts() -> bool:
        [(confirmed,)] = traceability.rows("SELECT confirmed FROM event_epc WHERE node = $1", lot(BOX, "M1"))
        return bool(confirmed)

    traceability.clock.advance(days=3)
    for wrong in ({"since": "2026-11-02"}, {"since": "2026-12-24"}, {"until": "2026-11-26"}):
        refused = await traceability.put(
            f"/v1/traceability/{path}", json={"makers": [{"uscc": ATTACKER} | wrong]}, as_=of(PACKER)
        )
        assert refused.status_code == 422
        [error] = refused.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/makers/0", "maker.past")
    ended = await chain.put(traceability, path, {"makers": []}, PACKER)
    assert [(each["uscc"], each["since"], each["until"]) for each in ended["makers"]] == [
        (ATTACKER, "2026-11-01", "2026-11-27")
    ]
    assert (await chain.put(traceability, path, {"makers": []}, PACKER))["version"] == ended["version"]
    traceability.clock.advance(days=3)
    still = await chain.put(traceability, path, {"makers": []}, PACKER)
    assert (still["makers"], counts()) == (ended["makers"], True)
    answer = await traceability.put(f"/v1/traceability/{path}", json={"makers": []}, as_=chain.DEPARTMENT)
    assert (answer.status_code, answer.json()["makers"], counts()) == (200, [], False)


@pytest.mark.parametrize("_again", range(3))
async def test_a_registration_beside_an_event(traceability: Harness, _again: int) -> None:
    """Whichever comes first, the stored word is judged as its place in the order says."""
    await settle(traceability)
    product = {"name": "白砂糖", "owner_uscc": ATTACKER}
    path = f"/v1/traceability/products/{SUGAR}"
    used = chain.pack(3, [amount(SUGAR, "S1", 7)], [amount(BOX, "B9", 20, None)])
    body = {"@context": chain.CONTEXT, **used}
    put, sent = await asyncio.gather(
        traceability.put(path, json=product, as_=of(ATTACKER)),
        traceability.post("/epcis/events", json=body, as_=of(PACKER)),
    )
    assert (put.status_code, sent.status_code) == (200, 201)
    [(since,)] = traceability.rows("SELECT since FROM product WHERE gtin = $1", SUGAR)
    [(record, late)] = traceability.rows("SELECT record_id, late FROM event_epc WHERE node = $1", USED)
    [(edge,)] = traceability.rows("SELECT late FROM edge WHERE from_node = $1", USED)
    assert (bool(late), bool(edge)) == (record < since, record < since)
