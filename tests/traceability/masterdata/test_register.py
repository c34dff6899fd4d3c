"""Registering parties, places, products and lots: idempotent, versioned, owned, checked."""

from typing import Any

from shared.events.traceability import LotUpdated, PartyUpdated, ProductUpdated
from tests.support.app import Harness
from tests.support.callers import Caller, department, enterprise, public, staff
from tests.traceability import chain
from tests.traceability.chain import BOX, DEPARTMENT, FRUIT, ORCHARD, PACKER, gln, of

PARTY = {"name": "果园合作社", "area_code": "370686", "roles": ["producer"]}
LICENCE = {
    "number": "SC10137068600001",
    "kind": "食品生产许可证",
    "valid_from": "2024-01-01",
    "valid_until": "2028-12-31",
}
PRODUCT = {"name": "散装苹果", "owner_uscc": ORCHARD, "shelf_life_days": 90, "claims": ["geographical_indication"]}
BASE = "/v1/traceability"


async def put(harness: Harness, path: str, body: dict[str, Any], as_: Caller) -> Any:
    return await harness.put(f"{BASE}/{path}", json=body, as_=as_)


async def test_a_party_and_its_versions(traceability: Harness) -> None:
    path = f"parties/{ORCHARD}"
    body = PARTY | {"licences": [LICENCE]}
    first = await put(traceability, path, body, of(ORCHARD))
    again = await put(traceability, path, body, of(ORCHARD))
    changed = await put(traceability, path, body | {"name": "新名合作社"}, of(ORCHARD))
    receipts = [(answer.json()["status"], answer.json()["version"]) for answer in (first, again, changed)]
    assert receipts == [("created", 1), ("unchanged", 1), ("updated", 2)]
    assert [event.name for event in traceability.published(PartyUpdated)] == ["果园合作社", "新名合作社"]
    found = (await traceability.get(f"{BASE}/{path}")).json()
    assert (found["name"], found["version"], found["licences"][0]["number"]) == ("新名合作社", 2, LICENCE["number"])
    assert (found["marks"], found["state"]) == ([], None)
    versions = traceability.rows("SELECT version FROM master_version WHERE kind = 'party' ORDER BY version")
    assert versions == [(1,), (2,)]


async def test_a_product_and_its_lots(traceability: Harness) -> None:
    await put(traceability, f"parties/{ORCHARD}", PARTY, of(ORCHARD))
    await put(traceability, f"places/{gln(1)}", _place(ORCHARD), of(ORCHARD))
    assert (await put(traceability, f"products/{FRUIT[1:]}", PRODUCT, of(ORCHARD))).json()["id"] == FRUIT
    lot = {"produced_on": "2026-09-01", "quantity": "1200.5", "uom": "KGM", "origin_gln": gln(1)}
    first = await put(traceability, f"lots/{FRUIT}/L1", lot, of(ORCHARD))
    again = await put(traceability, f"lots/{FRUIT}/L1", lot, of(ORCHARD))
    assert [(a.json()["status"], a.json()["id"]) for a in (first, again)] == [
        ("created", f"{FRUIT}.L1"),
        ("unchanged", f"{FRUIT}.L1"),
    ]
    found = (await traceability.get(f"{BASE}/lots/{FRUIT}.L1", as_=of(ORCHARD))).json()
    assert (found["expires_on"], found["quantity"]) == ("2026-11-30", "1200.500")
    assert found["origin"] == "山东省烟台市栖霞市"
    [event] = traceability.published(LotUpdated)
    assert (event.lot_id, event.verdict, str(event.expires_on)) == (f"{FRUIT}.L1", "safe", "2026-11-30")
    await put(traceability, f"products/{FRUIT}", PRODUCT | {"name": "红富士"}, of(ORCHARD))
    assert [event.product_name for event in traceability.published(LotUpdated)] == ["散装苹果", "红富士"]
    assert [event.name for event in traceability.published(ProductUpdated)] == ["散装苹果", "红富士"]
    shown = (await traceability.get(f"{BASE}/products/{FRUIT}")).json()
    assert (shown["owner_name"], shown["claims"], shown["version"]) == ("果园合作社", ["geographical_indication"], 2)


def _place(owner: str, **fields: Any) -> dict[str, Any]:
    return {"name": "东山果园", "uscc": owner, "area_code": "370686", "kind": "orchard"} | fields


async def test_owners_and_areas(traceability: Harness) -> None:
    await chain.register(traceability)
    elsewhere = department("traceability:masterdata:write", area="370602", code="zf-scjg")
    refused = [
        (f"parties/{ORCHARD}", PARTY, of(PACKER)),
        (f"parties/{ORCHARD}", PARTY, elsewhere),
        (f"places/{gln(1)}", _place(PACKER), of(PACKER)),
        (f"places/{gln(9)}", _place(ORCHARD), of(PACKER)),
        (f"places/{gln(9)}", _place(ORCHARD), elsewhere),
        (f"products/{FRUIT}", PRODUCT | {"owner_uscc": PACKER}, of(PACKER)),
        (f"products/{FRUIT}", PRODUCT, of(PACKER)),
        (f"products/{FRUIT}", PRODUCT, elsewhere),
        (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-01"}, of(PACKER)),
        (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-01"}, elsewhere),
        (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-01"}, staff("inspector")),
        (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-01"}, department("traceability:lots:read")),
    ]
    statuses = [(await put(traceability, path, body, caller)).status_code for path, body, caller in refused]
    assert statuses == [403] * len(refused)
    assert (await put(traceability, f"lots/{FRUIT}/L1", {"produced_on": "2026-09-01"}, public())).status_code == 401
    assert (await put(traceability, f"lots/{FRUIT}/L1", {"produced_on": "2026-09-01"}, DEPARTMENT)).status_code == 200
    reads = [
        await traceability.get(f"{BASE}/lots/{FRUIT}.L1", as_=caller)
        for caller in (of(ORCHARD), of(PACKER), DEPARTMENT, staff("inspector"), public())
    ]
    assert [answer.status_code for answer in reads] == [200, 403, 200, 200, 401]


WRONG: list[tuple[str, dict[str, Any], set[str]]] = [
    (
        f"parties/{ORCHARD[:-1]}{'0' if ORCHARD[-1] != '0' else '1'}",
        {"name": "", "area_code": "37", "roles": ["boss"], "phone": "1"},
        {"{uscc}", "/name", "/area_code", "/roles/0", "/phone"},
    ),
    (
        f"parties/{ORCHARD}",
        PARTY | {"licences": [LICENCE | {"valid_until": "2020-01-01"}]},
        {"/licences/0"},
    ),
    (f"places/{gln(1)[:-1]}x", _place(ORCHARD, kind="moon"), {"{gln}", "/kind"}),
    (f"places/{gln(1)}", _place(chain.firm("MA3C0A19")), {"/uscc"}),
    (f"products/{FRUIT[:-1]}0", PRODUCT | {"claims": ["best"]}, {"{gtin}", "/claims/0"}),
    (f"products/{BOX}", PRODUCT | {"owner_uscc": chain.firm("MA3C0A19")}, {"/owner_uscc"}),
    (f"products/{FRUIT}", PRODUCT | {"min_celsius": "4", "max_celsius": "-18"}, {""}),
    (f"lots/{FRUIT}/L1", {"produced_on": "2026-13-01"}, {"/produced_on"}),
    (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-02", "expires_on": "2026-09-01"}, {""}),
    (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-02", "quantity": 0, "uom": "kilo"}, {"/quantity", "/uom"}),
    (f"lots/{FRUIT}/L1", {"produced_on": "2026-09-02", "origin_gln": gln(77)}, {"/origin_gln"}),
    (f"lots/{chain.gtin(77)}/L1", {"produced_on": "2026-09-02"}, {"{gtin}"}),
    (f"lots/{FRUIT}/批次一", {"produced_on": "2026-09-02"}, {"{lot}"}),
]


async def test_wrong_fields_are_told_all_at_once(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    for path, body, places in WRONG:
        answer = await put(on_sqlite, path, body, DEPARTMENT)
        assert answer.status_code == 422, answer.text
        assert {error["pointer"] for error in answer.json()["errors"]} == places, path
        english = await on_sqlite.put(f"{BASE}/{path}", json=body, as_=DEPARTMENT, headers={"Accept-Language": "en"})
        assert english.json()["detail"] != answer.json()["detail"]


async def test_a_lot_without_a_shelf_life_needs_its_last_day(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    await put(on_sqlite, f"products/{FRUIT}", PRODUCT | {"shelf_life_days": None}, of(ORCHARD))
    answer = await put(on_sqlite, f"lots/{FRUIT}/L9", {"produced_on": "2026-09-02"}, of(ORCHARD))
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/expires_on"]


async def test_a_batch_keeps_the_good_ones(traceability: Harness) -> None:
    await chain.register(traceability)
    items = [
        PRODUCT | {"gtin": chain.gtin(11), "name": "一号"},
        PRODUCT | {"gtin": "123", "name": ""},
        PRODUCT | {"gtin": chain.gtin(12), "owner_uscc": PACKER},
        PRODUCT | {"gtin": chain.gtin(11), "name": "又一号"},
        PRODUCT | {"gtin": chain.gtin(13), "name": "三号"},
    ]
    answer = await traceability.post(f"{BASE}/products:batch", json={"items": items}, as_=of(ORCHARD))
    assert answer.status_code == 200, answer.text
    receipts = answer.json()
    assert [receipt["status"] for receipt in receipts] == ["created", "rejected", "rejected", "rejected", "created"]
    assert {error["pointer"] for error in receipts[1]["errors"]} == {"/gtin", "/name"}
    assert [receipt["errors"][0]["code"] for receipt in receipts[2:4]] == ["owner", "batch.twice"]
    page = await traceability.get(f"{BASE}/products?owner={ORCHARD}&limit=2")
    rest = await traceability.get(f"{BASE}/products?owner={ORCHARD}&limit=2&cursor={page.json()['next']}")
    listed = [item["gtin"] for answer in (page, rest) for item in answer.json()["items"]]
    assert listed == [FRUIT, chain.gtin(11), chain.gtin(13)]


async def test_an_atomic_batch_stores_all_or_nothing(traceability: Harness) -> None:
    await chain.register(traceability)
    good = {"gtin": FRUIT, "lot": "L1", "produced_on": "2026-09-01"}
    body = {"items": [good, good | {"lot": "L2", "produced_on": "soon"}, good | {"gtin": BOX}]}
    answer = await traceability.post(f"{BASE}/lots:batch?atomic=true", json=body, as_=of(ORCHARD))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/items/1/produced_on", "/items/2"]
    assert traceability.rows("SELECT count(*) FROM lot WHERE lot = 'L1'") == [(0,)]
    body = {"items": [good, good | {"lot": "L2"}]}
    answer = await traceability.post(f"{BASE}/lots:batch?atomic=true", json=body, as_=of(ORCHARD))
    assert [receipt["id"] for receipt in answer.json()] == [f"{FRUIT}.L1", f"{FRUIT}.L2"]
    listed = await traceability.get(f"{BASE}/lots?gtin={FRUIT}", as_=of(ORCHARD))
    assert [item["lot"] for item in listed.json()["items"]] == ["F1", "F2", "L1", "L2"]
    assert (await traceability.get(f"{BASE}/lots", as_=of(PACKER))).json()["items"] == []


async def test_an_idempotency_key_gives_the_first_answer_again(on_sqlite: Harness) -> None:
    key = {"Idempotency-Key": "k1"}
    path = f"{BASE}/parties/{ORCHARD}"
    first = await on_sqlite.put(path, json=PARTY, as_=of(ORCHARD), headers=key)
    again = await on_sqlite.put(path, json=PARTY, as_=of(ORCHARD), headers=key)
    assert (first.json()["status"], again.json()) == ("created", first.json())
    other = await on_sqlite.put(path, json=PARTY | {"name": "别名"}, as_=of(ORCHARD), headers=key)
    assert other.status_code == 409


async def test_what_is_not_there(on_sqlite: Harness) -> None:
    for path in (f"parties/{ORCHARD}", f"places/{gln(1)}", f"products/{FRUIT}"):
        assert (await on_sqlite.get(f"{BASE}/{path}")).status_code == 404
    assert (await on_sqlite.get(f"{BASE}/lots/{FRUIT}.NONE", as_=DEPARTMENT)).status_code == 404
    assert (await on_sqlite.get(f"{BASE}/products?cursor=x", as_=enterprise(ORCHARD))).status_code == 422
