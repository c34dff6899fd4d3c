"""Words on thousands of objects are judged, decided and told without holding the loop; of a claim the first."""

from collections.abc import Awaitable
from typing import Any

import orjson
import pytest

from services.traceability.rights.claims import MOST_OBJECTS
from tests.support.app import Harness
from tests.support.watchdog import watched
from tests.traceability import chain, food
from tests.traceability.chain import BOX, MARKET, PACKER, SHOP, amount, gtin, of, sscc

LONGEST = 0.05
"""CPU seconds of the event loop's thread at a stretch."""
MANY = 4_900
JSON = {"Content-Type": "application/json"}
STRANGER = chain.firm("MA3C0A15")
NUTS = gtin(5)


async def asked(call: Awaitable[Any], status: int = 200) -> Any:
    with watched() as stretch:
        answer = await call
    assert answer.status_code == status, answer.text
    assert stretch.longest < LONGEST, f"{stretch.longest} s in {stretch.where}"
    return answer


async def settle(harness: Harness) -> None:
    await chain.register(harness)
    name = {"name": "坚果厂", "area_code": "370686", "roles": ["producer"]}
    await chain.put(harness, f"parties/{STRANGER}", name, STRANGER)
    place = {"name": "坚果厂场所", "uscc": STRANGER, "area_code": "370686", "kind": "factory"}
    await chain.put(harness, f"places/{chain.gln(5)}", place, STRANGER)
    product = {"name": "坚果", "owner_uscc": STRANGER, "shelf_life_days": 90}
    await chain.put(harness, f"products/{NUTS}", product, STRANGER)


async def told(harness: Harness, event: dict[str, Any], as_: str) -> str:
    body = orjson.dumps(event | {"@context": [chain.CONTEXT]})
    await asked(harness.post("/epcis/events", content=body, headers=JSON, as_=of(as_)), 201)
    [(record,)] = harness.rows("SELECT max(record_id) FROM epcis_event")
    return str(record)


@pytest.mark.timeout(300)
async def test_an_event_of_thousands_of_containers_is_decided(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    crates = [sscc(10_000 + number) for number in range(MANY)]
    sent = chain.event("ObjectEvent", 4, 5, "shipping", action="OBSERVE", epcList=crates, eventID="urn:x:big")
    record = await told(on_sqlite, sent, STRANGER)
    path = f"/v1/traceability/claims/{record}"
    for word in ("reject", "confirm"):
        answer = await asked(on_sqlite.post(f"{path}:{word}", as_=chain.DEPARTMENT))
        assert len(answer.json()["nodes"]) == MANY
    await asked(on_sqlite.post(f"{path}:confirm", as_=of(SHOP)), 404)
    void = sent | {"errorDeclaration": {"declarationTime": chain.at(12), "reason": "incorrect_data"}}
    await told(on_sqlite, void, STRANGER)


@pytest.mark.timeout(300)
async def test_makers_of_a_gtin_with_thousands_of_lots_are_named(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    lots = [amount(NUTS, f"L{number}", 1, None) for number in range(MANY)]
    made = chain.event("ObjectEvent", 4, 5, "commissioning", action="ADD", quantityList=lots)
    await told(on_sqlite, made, STRANGER)
    path = f"/v1/traceability/products/{NUTS}"
    await asked(on_sqlite.put(f"{path}/makers", json={"makers": [{"uscc": SHOP}]}, as_=of(STRANGER)))
    await asked(on_sqlite.post(f"{path}:confirm", as_=chain.DEPARTMENT))


async def test_of_a_claim_on_thousands_the_first_are_told(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    lots = [amount(BOX, f"L{number}", 1, None) for number in range(MANY)]
    seen = chain.event("ObjectEvent", 4, 5, "inspecting", action="OBSERVE", quantityList=lots)
    await told(on_sqlite, seen, STRANGER)
    for query, who in (("", of(PACKER)), ("?own=true", of(STRANGER)), ("", chain.DEPARTMENT)):
        [claim] = (await asked(on_sqlite.get(f"/v1/traceability/claims{query}", as_=who))).json()["items"]
        assert (len(claim["objects"]), claim["objects_count"]) == (MOST_OBJECTS, MANY)
        assert {each["asks"] for each in claim["objects"]} == {PACKER}
    assert food.ok(await on_sqlite.get("/v1/traceability/claims", as_=of(MARKET)))["items"] == []
