"""After each attack the victims' traces, lists, events, scans and recalls are byte for byte what they were."""

import pytest

from services.traceability.callers import WRITE
from tests.support.app import Harness
from tests.traceability import chain
from tests.traceability.chain import BOX, CONTEXT, FRUIT, PACKER, amount, gln, lot, of
from tests.traceability.rights.attacks import ATTACKER, ATTACKS, STRANGER, _declared, events, settle, snapshot


async def test_no_attack_changes_anything_of_the_victims(traceability: Harness) -> None:
    """All of them one after another in one repository, so that they help each other too."""
    await settle(traceability)
    before = await snapshot(traceability)
    taken = 0
    for name, told in ATTACKS.items():
        for event in told:
            body = {"@context": [CONTEXT, {"attack": "https://ns.example.com/"}], **event}
            answer = await traceability.post("/epcis/events", json=body, as_=of(ATTACKER))
            assert answer.status_code in (201, 400, 403, 409), (name, answer.text)
            taken += answer.status_code == 201
        after = await snapshot(traceability)
        changed = [key for key in before if before[key] != after[key]]
        if changed == [key for key in changed if key.startswith("events ")]:
            # An event that names a firm as source or destination is open to it; what it could read before is the same.
            changed = [key for key in changed if [e for e in after[key] if e in before[key]] != before[key]]
        assert changed == [], name
    assert taken > 25
    for number in ("B1", "B3", "B4"):
        answer = await traceability.get(f"/v1/traceability/lots/{lot(BOX, number)}/trace", as_=of(ATTACKER))
        assert answer.status_code == 403


@pytest.mark.parametrize("name", ["output with the victim's lot", "observing", "packing into the victim's pallet"])
async def test_a_department_elsewhere_is_a_stranger(on_sqlite: Harness, name: str) -> None:
    await settle(on_sqlite)
    before = await snapshot(on_sqlite)
    for event in ATTACKS[name]:
        body = {"@context": CONTEXT, **event}
        for place in ("readPoint", "bizLocation"):
            body[place] = {"id": f"https://id.gs1.org/414/{gln(98)}"}
        answer = await on_sqlite.post("/epcis/events", json=body, as_=STRANGER)
        assert answer.status_code in (201, 403), answer.text
    assert await snapshot(on_sqlite) == before


async def test_a_leaving_edge_opens_no_reading(on_sqlite: Harness) -> None:
    """Who says that its lot was made of the victim's sees the victim's lot by its number, and nothing behind it."""
    await settle(on_sqlite)
    made = chain.event(
        "TransformationEvent",
        9,
        5,
        "commissioning",
        inputQuantityList=[amount(BOX, "B1", 5, None)],
        outputQuantityList=[amount(chain.gtin(5), "N2", 5, None)],
    )
    assert (
        await on_sqlite.post("/epcis/events", json={"@context": CONTEXT, **made}, as_=of(ATTACKER))
    ).status_code == 201
    own = f"/v1/traceability/lots/{lot(chain.gtin(5), 'N2')}/trace"
    found = (await on_sqlite.get(own, as_=of(ATTACKER))).json()
    assert {node["node"] for node in found["nodes"]} == {lot(chain.gtin(5), "N2"), lot(BOX, "B1")}
    assert {holding["holder"] for holding in found["holdings"]} == {ATTACKER}
    assert len(found["edges"]) == 1
    other = await on_sqlite.get(f"/v1/traceability/lots/{lot(BOX, 'B1')}/trace", as_=of(ATTACKER))
    assert other.status_code == 403


async def test_a_squatted_place_opens_nothing(traceability: Harness) -> None:
    """A GLN that others' events name and nobody registered: whoever registers it reads nothing, until who captured the
    events or a department confirms that it is its own."""
    await settle(traceability)
    sent = chain.ship(2, 9, 5, amount(BOX, "B4", 5, None))
    await chain.capture(traceability, chain.document(sent), of(PACKER))
    before = await snapshot(traceability)
    place = {"name": "仓库", "uscc": ATTACKER, "area_code": "370686", "kind": "warehouse"}
    await chain.put(traceability, f"places/{gln(9)}", place, ATTACKER)
    assert await events(traceability, of(ATTACKER)) == []
    path = f"/v1/traceability/lots/{lot(BOX, 'B4')}/trace"
    assert (await traceability.get(path, as_=of(ATTACKER))).status_code == 403
    assert await snapshot(traceability) == before
    confirm = f"/v1/traceability/places/{gln(9)}:confirm"
    assert (await traceability.post(confirm, as_=of(ATTACKER))).status_code == 200
    assert await events(traceability, of(ATTACKER)) == []
    assert (await traceability.get(path, as_=of(ATTACKER))).status_code == 403
    assert (await traceability.post(confirm, as_=of(PACKER))).status_code == 200
    assert len(await events(traceability, of(ATTACKER))) == 1
    assert (await traceability.get(path, as_=of(ATTACKER))).status_code == 200


async def test_a_registered_gtin_of_another_is_corrected_by_a_department(traceability: Harness) -> None:
    """Who registers a GTIN first has it until a department of the area says whose it is."""
    await settle(traceability)
    stolen = chain.gtin(7)
    product = {"name": "苹果干", "owner_uscc": ATTACKER, "shelf_life_days": 90}
    await chain.put(traceability, f"products/{stolen}", product, ATTACKER)
    made = chain.pack(4, [amount(FRUIT, "F1", 5)], [amount(stolen, "D1", 5, None)])
    await chain.capture(traceability, chain.document(made), of(PACKER))
    state = "SELECT confirmed FROM event_epc WHERE node = $1"
    assert [bool(row[0]) for row in traceability.rows(state, lot(stolen, "D1"))] == [False]
    path = f"/v1/traceability/products/{stolen}"
    theirs = product | {"owner_uscc": PACKER, "reason": "该 GTIN 属于包装厂"}
    assert (await traceability.put(path, json=theirs, as_=of(PACKER))).status_code == 403
    assert (await traceability.put(path, json=theirs, as_=STRANGER.but(scope=WRITE))).status_code == 403
    assert (await traceability.put(path, json=theirs, as_=chain.DEPARTMENT)).status_code == 200
    assert [bool(row[0]) for row in traceability.rows(state, lot(stolen, "D1"))] == [True]
    trace = await traceability.get(f"/v1/traceability/lots/{lot(stolen, 'D1')}/trace", as_=of(PACKER))
    assert lot(FRUIT, "F1") in {node["node"] for node in trace.json()["nodes"]}


async def test_a_declaration_of_a_stranger_voids_nothing(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    before = await snapshot(on_sqlite)
    for own in ({}, {"eventID": "urn:erp:1"}):
        event = _declared(chain.PACKING) | own
        for place in ("readPoint", "bizLocation"):
            event = event | {place: {"id": f"https://id.gs1.org/414/{gln(5)}"}}
        answer = await on_sqlite.post("/epcis/events", json={"@context": CONTEXT, **event}, as_=of(ATTACKER))
        assert answer.status_code == 201, answer.text
    assert await snapshot(on_sqlite) == before
