"""A lot that a firm made before another registered its GTIN is that firm's everywhere: on the register, in tests,
recalls and scans."""

from typing import Any

import pytest

from tests.support.app import Harness
from tests.support.callers import department
from tests.traceability import chain, food
from tests.traceability.chain import MARKET, ORCHARD, amount, gtin, lot, of
from tests.traceability.rights.attacks import ATTACKER, settle
from tests.traceability.rights.test_titles import OFFICER, opened

JUICE = gtin(6)
MADE = lot(JUICE, "J4")
LAB = department("traceability:tests:write", "traceability:tests:read", area="370686")
PATH = f"/v1/traceability/lots/{JUICE}/J4"


async def claimed(harness: Harness) -> None:
    """The orchard presses juice that it never registered and sends it to the market; a stranger registers the GTIN."""
    await settle(harness)
    made = chain.event("ObjectEvent", 1, 1, "commissioning", action="ADD", quantityList=[amount(JUICE, "J4", 8)])
    sent = chain.ship(1, 3, 2, amount(JUICE, "J4", 8))
    assert (await chain.capture(harness, chain.document(made, sent), of(ORCHARD)))["stored"] == 2
    product = {"name": "苹果汁", "owner_uscc": ATTACKER, "shelf_life_days": 30}
    await chain.put(harness, f"products/{JUICE}", product, ATTACKER)


def report(number: str, kind: str, **more: Any) -> dict[str, Any]:
    item = {
        "name": "展青霉素",
        "method": "GB 5009.185",
        "limit": "50",
        "value": "90",
        "unit": "μg/kg",
        "result": "fail",
    }
    told = {"report_number": number, "laboratory": "烟台检测", "sample_id": f"S{number}", "lot_id": MADE, "kind": kind}
    days = {"sampled_on": "2026-11-18", "tested_on": "2026-11-20"}
    return told | days | {"category": "food", "items": [item], "result": "fail"} | more


async def owner(harness: Harness) -> str:
    [(found,)] = harness.rows("SELECT owner_uscc FROM lot WHERE lot_id = $1", MADE)
    return str(found)


@pytest.mark.parametrize("known_by", ["register", "event"])
async def test_it_is_the_claimants_everywhere(on_sqlite: Harness, known_by: str) -> None:
    await claimed(on_sqlite)
    body = {"produced_on": "2026-11-03", "expires_on": "2026-12-30"}
    assert (await on_sqlite.put(PATH, json=body, as_=of(ATTACKER))).status_code == 403
    if known_by == "register":
        await chain.put(on_sqlite, f"lots/{JUICE}/J4", body, ORCHARD)
    else:
        received = chain.document(chain.receive(1, 3, 3, amount(JUICE, "J4", 8)))
        assert (await chain.capture(on_sqlite, received, of(MARKET)))["stored"] == 1
    assert await owner(on_sqlite) == ORCHARD
    assert (await on_sqlite.get(f"/v1/traceability/lots/{MADE}", as_=of(ATTACKER))).status_code == 403
    assert (
        await on_sqlite.post("/v1/traceability/tests", json=report("1", "self"), as_=of(ATTACKER))
    ).status_code == 403
    food.ok(
        await on_sqlite.post("/v1/traceability/tests", json=report("2", "supervision", area_code="370686"), as_=LAB),
        201,
    )
    assert on_sqlite.rows("SELECT producer_uscc FROM lot_test") == [(ORCHARD,)]
    assert food.ok(await on_sqlite.get("/v1/traceability/tests", as_=of(ATTACKER)))["items"] == []
    assert len(food.ok(await on_sqlite.get("/v1/traceability/tests", as_=of(ORCHARD)))["items"]) == 1
    assert (await food.verdict(on_sqlite, MADE))["producer"]["uscc"] == ORCHARD
    food.refused(await opened(on_sqlite, MADE, as_=of(ATTACKER)), 409, "recall.title_unconfirmed")
    case = food.ok(await opened(on_sqlite, MADE, as_=OFFICER), 201)
    assert case["uscc"] == ORCHARD
    path = f"/v1/traceability/recalls/{case['recall_id']}"
    assert not food.ok(await on_sqlite.get(path, as_=of(ATTACKER)))["holders"], "what everybody may read of it"
    assert food.ok(await on_sqlite.get(path, as_=of(ORCHARD)))["holders"]


async def test_a_lot_that_only_events_name_is_recalled_of_who_made_it(on_sqlite: Harness) -> None:
    await claimed(on_sqlite)
    assert on_sqlite.rows("SELECT 1 FROM lot WHERE lot_id = $1", MADE) == []
    assert food.ok(await opened(on_sqlite, MADE, as_=OFFICER), 201)["uscc"] == ORCHARD


async def test_it_follows_the_title(traceability: Harness) -> None:
    """To the registered owner once an authority confirms it."""
    await claimed(traceability)
    await chain.put(traceability, f"lots/{JUICE}/J4", {"produced_on": "2026-11-03"}, ORCHARD)
    assert await owner(traceability) == ORCHARD
    food.ok(await traceability.post(f"/v1/traceability/products/{JUICE}:confirm", as_=chain.DEPARTMENT))
    assert await owner(traceability) == ATTACKER
    assert (await food.verdict(traceability, MADE))["producer"]["uscc"] == ATTACKER
