"""What an event does to an object: type x action x field x who tells it, against a table worked out by hand."""

import itertools
from typing import Any

import pytest

from tests.support.app import Harness
from tests.support.callers import Caller
from tests.traceability import chain
from tests.traceability.chain import BOX, CONTEXT, DEPARTMENT, MARKET, PACKER, amount, gln, lot, of, sscc
from tests.traceability.rights.attacks import ATTACKER, NUTS, STRANGER, settle

MAKER = chain.firm("MA3C0A16")
TELLERS: dict[str, tuple[Caller, int]] = {
    "owner": (of(PACKER), 2),
    "maker": (of(MAKER), 6),
    "holder": (of(MARKET), 3),
    "stranger": (of(ATTACKER), 5),
    "department": (DEPARTMENT, 97),
    "department elsewhere": (STRANGER, 97),
}
"""With the number of the place where each tells it; nobody registered 97."""
LOT, PALLET = lot(BOX, "B1"), sscc(1)
WAYS: list[tuple[str, str | None, str]] = [
    *(("ObjectEvent", action, "quantityList") for action in ("ADD", "OBSERVE", "DELETE")),
    *(("TransactionEvent", action, "quantityList") for action in ("ADD", "OBSERVE", "DELETE")),
    ("TransformationEvent", None, "inputQuantityList"),
    ("TransformationEvent", None, "outputQuantityList"),
    *(("AggregationEvent", action, "childQuantityList") for action in ("ADD", "OBSERVE", "DELETE")),
    *(("AssociationEvent", action, "childQuantityList") for action in ("ADD", "OBSERVE", "DELETE")),
]
BOXES: list[tuple[str, str | None, str]] = [
    *(("ObjectEvent", action, "epcList") for action in ("ADD", "OBSERVE", "DELETE")),
    *(("AggregationEvent", action, "parentID") for action in ("ADD", "OBSERVE", "DELETE")),
    *(("AggregationEvent", action, "childEPCs") for action in ("ADD", "OBSERVE", "DELETE")),
    *(("AssociationEvent", action, "parentID") for action in ("ADD", "DELETE")),
    ("TransformationEvent", None, "inputEPCList"),
    ("TransformationEvent", None, "outputEPCList"),
]
BRINGS_INTO_BEING = {("ObjectEvent", "ADD", "quantityList"), ("TransformationEvent", None, "outputQuantityList")}
OWN_LOTS = {"owner": (BOX, "X"), "maker": (BOX, "X"), "holder": (NUTS, "X"), "stranger": (NUTS, "X")}


def counts(kind: str, way: tuple[str, str | None, str], who: str) -> bool:
    """The table. At the time of the events the market has the pallet, the packer made the lot."""
    if kind == "pallet":
        return who in ("holder", "department")
    if way in BRINGS_INTO_BEING:
        return who in ("owner", "maker", "department")
    return who in ("owner", "maker", "holder", "department")


def told(kind: str, way: tuple[str, str | None, str], place: int, day: float) -> dict[str, Any]:
    event_type, action, field = way
    thing: Any = PALLET if kind == "pallet" else [amount(BOX, "B1", 1, None)]
    own = sscc(900 + place)
    fields: dict[str, Any] = {"action": action} if action else {}
    fields[field] = [PALLET] if kind == "pallet" and field != "parentID" else thing
    if field == "parentID":
        fields["childQuantityList"] = [amount(NUTS, "Y", 1, None)]
    elif field.startswith("child"):
        fields["parentID"] = own
    elif field.startswith("input"):
        fields["outputQuantityList"] = [amount(NUTS, f"Z{place}", 1, None)]
    elif field.startswith("output"):
        fields["inputQuantityList"] = [amount(NUTS, "Y", 1, None)]
    if event_type == "TransactionEvent":
        fields["bizTransactionList"] = [{"type": "po", "bizTransaction": "urn:erp:po:1"}]
    return chain.event(event_type, day, place, "inspecting", **fields)


@pytest.mark.parametrize("kind", ["lot", "pallet"])
async def test_what_an_event_does(on_sqlite: Harness, kind: str) -> None:
    await settle(on_sqlite)
    body = {"name": "受托厂", "area_code": "370686", "roles": ["producer"]}
    await chain.put(on_sqlite, f"parties/{MAKER}", body, MAKER)
    place = {"name": "受托厂", "uscc": MAKER, "area_code": "370686", "kind": "factory"}
    await chain.put(on_sqlite, f"places/{gln(6)}", place, MAKER)
    await chain.put(on_sqlite, f"products/{BOX}/makers", {"makers": [{"uscc": MAKER, "since": "2026-01-01"}]}, PACKER)
    node = LOT if kind == "lot" else PALLET
    scan = f"/v1/traceability/verdicts/https%3A%2F%2Fid.gs1.org%2F01%2F{BOX}%2F10%2FB1"
    reads = {who: await status(on_sqlite, caller) for who, (caller, _) in TELLERS.items()}
    assert {who for who, code in reads.items() if code == 200} == {"owner", "maker", "holder", "department"}
    ways = WAYS if kind == "lot" else BOXES
    before = (await on_sqlite.get(scan)).content
    for number, (way, who) in enumerate(itertools.product(ways, TELLERS)):
        caller, at = TELLERS[who]
        event = told(kind, way, at, 6.2 + number / 10_000)
        answer = await on_sqlite.post("/epcis/events", json={"@context": CONTEXT, **event}, as_=caller)
        where = (kind, way, who)
        should = counts(kind, way, who)
        if answer.status_code == 403:
            assert who == "department elsewhere", where
        else:
            assert answer.status_code == 201, (where, answer.text)
            sql = "SELECT record_id, confirmed FROM event_epc WHERE node = $1 ORDER BY record_id DESC LIMIT 1"
            [(record, confirmed)] = on_sqlite.rows(sql, node)
            assert bool(confirmed) == should, where
            entering = on_sqlite.rows("SELECT confirmed FROM edge WHERE record_id = $1 AND to_node = $2", record, node)
            assert {bool(each) for (each,) in entering} <= {should}, where
        seen = (await on_sqlite.get(scan)).content
        assert should or seen == before, where
        before = seen
        for name in ("stranger", "department elsewhere"):
            assert await status(on_sqlite, TELLERS[name][0]) == reads[name], (where, name)


async def status(harness: Harness, caller: Caller) -> int:
    path = f"/v1/traceability/lots/{LOT}/trace"
    return (await harness.get(path, as_=caller)).status_code


async def test_an_owner_confirms_and_a_department_unsays(traceability: Harness) -> None:
    """A contract maker that is not named: its lot waits for the owner's word; an owner cannot unsay what counts."""
    await settle(traceability)
    made = chain.event(
        "TransformationEvent",
        9,
        5,
        "commissioning",
        inputQuantityList=[amount(NUTS, "BAD", 5, None)],
        outputQuantityList=[amount(BOX, "M1", 5, None)],
    )
    answer = await traceability.post("/epcis/events", json={"@context": CONTEXT, **made}, as_=of(ATTACKER))
    assert answer.status_code == 201, answer.text
    mine = f"/v1/traceability/lots/{lot(NUTS, 'BAD')}/trace"
    found = (await traceability.get(mine, as_=of(ATTACKER))).json()
    assert [
        (each["code"], each["node"], each["holder"]) for each in found["findings"] if each["code"] == "unconfirmed"
    ] == [("unconfirmed", lot(BOX, "M1"), PACKER)]
    assert found["completeness"]["complete"] is False
    recall = {"lots": [lot(NUTS, "BAD")], "level": 1, "reason": "检出异物"}
    case = (await traceability.post("/v1/traceability/recalls", json=recall, as_=of(ATTACKER))).json()
    assert [each["lot_id"] for each in case["lots"]] == [lot(NUTS, "BAD")]
    assert [(each["node"], each["asks"]) for each in case["to_ask"]] == [(lot(BOX, "M1"), PACKER)]
    own = (await traceability.get("/v1/traceability/claims?own=true", as_=of(ATTACKER))).json()["items"]
    [waiting] = (await traceability.get("/v1/traceability/claims", as_=of(PACKER))).json()["items"]
    assert [each["record_id"] for each in own] == [waiting["record_id"]]
    assert (waiting["claimant"], waiting["claimant_name"]) == (ATTACKER, "坚果厂")
    path = f"/v1/traceability/claims/{waiting['record_id']}"
    assert (await traceability.post(f"{path}:confirm", as_=of(ATTACKER))).status_code == 404
    assert (await traceability.post(f"{path}:confirm", as_=of(MARKET))).status_code == 404
    assert (await traceability.post(f"{path}:confirm", as_=of(PACKER))).status_code == 200
    case = (await traceability.get(f"/v1/traceability/recalls/{case['recall_id']}", as_=of(ATTACKER))).json()
    assert [each["lot_id"] for each in case["lots"]] == [lot(NUTS, "BAD"), lot(BOX, "M1")]
    assert case["to_ask"] == []
    assert (await traceability.post(f"{path}:reject", as_=of(PACKER))).status_code == 404
    assert (
        await traceability.post(f"{path}:reject", as_=STRANGER.but(scope="traceability:masterdata:write"))
    ).status_code == 404
    assert (await traceability.get("/v1/traceability/claims", as_=of(PACKER))).json()["items"] == []


async def test_the_place_of_another_is_shown_when_it_confirms(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    fetched = chain.event(
        "ObjectEvent",
        4.5,
        3,
        "inspecting",
        action="OBSERVE",
        quantityList=[amount(BOX, "B4", 5, None)],
        **chain.parties(2, 3),
    )
    answer = await on_sqlite.post("/epcis/events", json={"@context": CONTEXT, **fetched}, as_=of(PACKER))
    assert answer.status_code == 201, answer.text
    assert await places(on_sqlite) == ["苹果包装厂场所", None]
    [waiting] = (await on_sqlite.get("/v1/traceability/claims", as_=of(MARKET))).json()["items"]
    assert waiting["place"] == gln(3)
    path = f"/v1/traceability/claims/{waiting['record_id']}:confirm"
    assert (await on_sqlite.post(path, as_=of(MARKET))).json()["nodes"] == ["place"]
    assert await places(on_sqlite) == ["苹果包装厂场所", "批发市场公司场所"]


async def places(harness: Harness) -> list[str | None]:
    path = f"/v1/traceability/verdicts/https%3A%2F%2Fid.gs1.org%2F01%2F{BOX}%2F10%2FB4"
    return [step["place"] for step in (await harness.get(path)).json()["journey"]]
