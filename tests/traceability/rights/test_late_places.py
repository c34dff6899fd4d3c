"""Who registers a GLN after others named it has no say in what they told: no word, no goods, no name in the journey."""

from typing import Any

import pytest

from tests.support.app import Harness
from tests.support.callers import Caller
from tests.traceability import chain, food
from tests.traceability.chain import BOX, PACKER, amount, gln, lot, of, sscc
from tests.traceability.rights.attacks import ATTACKER, settle
from tests.traceability.rights.test_titles import opened

NEW = 77
"""A cold store that nobody registered yet."""
STORED = lot(BOX, "C7")
WORDS = "SELECT node, field, confirmed, asks, late FROM event_epc ORDER BY record_id, position"


async def stored(harness: Harness) -> None:
    """The packer makes boxes, stores some of them there and loads a pallet; a department finds boxes and the pallet."""
    await settle(harness)
    made = chain.event("ObjectEvent", 2, 2, "commissioning", action="ADD", quantityList=[amount(BOX, "C7", 9, None)])
    kept = chain.event("ObjectEvent", 3, NEW, "storing", action="OBSERVE", quantityList=[amount(BOX, "C7", 9, None)])
    inside = [amount(BOX, "C7", 6, None)]
    loaded = chain.event(
        "AggregationEvent", 4, NEW, "packing", action="ADD", parentID=sscc(61), childQuantityList=inside
    )
    assert (await chain.capture(harness, chain.document(made, kept, loaded), of(PACKER)))["stored"] == 3
    found = chain.event("ObjectEvent", 5, NEW, "receiving", action="OBSERVE", epcList=[sscc(61)])
    some = chain.event("ObjectEvent", 5, NEW, "receiving", action="OBSERVE", quantityList=[amount(BOX, "C7", 3, None)])
    assert (await chain.capture(harness, chain.document(found, some)))["stored"] == 2


async def come(harness: Harness, owner: str) -> None:
    place = {"name": "冷库七", "uscc": owner, "area_code": "370686", "kind": "warehouse"}
    await chain.put(harness, f"places/{gln(NEW)}", place, owner)


async def told(harness: Harness) -> tuple[Any, ...]:
    """What the owner's trace and a scan say, and how the words stand."""
    trace = food.ok(await harness.get(f"/v1/traceability/lots/{STORED}/trace", as_=of(PACKER)))
    return trace, (await food.verdict(harness, STORED))["journey"], harness.rows(WORDS)


async def claims(harness: Harness, as_: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = food.ok(await harness.get("/v1/traceability/claims", as_=as_))["items"]
    return found


async def holders(harness: Harness) -> set[str]:
    case = food.ok(await opened(harness, STORED, as_=of(PACKER)), 201)
    return {each["holder"] for each in case["holders"]}


async def test_who_comes_late_changes_nothing(traceability: Harness) -> None:
    await stored(traceability)
    before = await told(traceability)
    await come(traceability, ATTACKER)
    assert await told(traceability) == before
    assert await claims(traceability, of(ATTACKER)) == []
    for (record,) in traceability.rows("SELECT record_id FROM epcis_event WHERE place_gln = $1", gln(NEW)):
        for word in ("confirm", "reject"):
            answer = await traceability.post(f"/v1/traceability/claims/{record}:{word}", as_=of(ATTACKER))
            assert answer.status_code == 404, answer.text
    assert ATTACKER not in await holders(traceability)
    notices = food.ok(await traceability.get("/v1/traceability/notices", as_=of(ATTACKER)))
    assert notices == []
    # Nor does it take the pallet over that the department saw there.
    mine = chain.event("AggregationEvent", 5.5, 5, "unpacking", action="DELETE", parentID=sscc(61))
    await chain.capture(traceability, chain.document(mine), of(ATTACKER))
    words = "SELECT confirmed FROM event_epc WHERE node = $1 ORDER BY record_id"
    assert [bool(row[0]) for row in traceability.rows(words, sscc(61))] == [True, True, False]


async def test_its_own_plant_may_come_late(on_sqlite: Harness) -> None:
    """To register the place is a word of who captured the events there."""
    await stored(on_sqlite)
    await come(on_sqlite, PACKER)
    _, journey, _ = await told(on_sqlite)
    assert "冷库七" in {step["place"] for step in journey}
    assert await holders(on_sqlite) >= {PACKER}
    assert await claims(on_sqlite, of(PACKER)) == []


@pytest.mark.parametrize("by", ["department", "teller"])
async def test_a_late_place_is_confirmed(on_sqlite: Harness, by: str) -> None:
    """By a department for everything, by who captured the events for these: what is told there waits for its owner."""
    await stored(on_sqlite)
    await come(on_sqlite, ATTACKER)
    who = chain.DEPARTMENT if by == "department" else of(PACKER)
    food.ok(await on_sqlite.post(f"/v1/traceability/places/{gln(NEW)}:confirm", as_=who))
    waiting = await claims(on_sqlite, of(ATTACKER))
    assert [(each["place"], each["claimant"]) for each in waiting] == [(gln(NEW), PACKER)] * 2
    first = f"/v1/traceability/claims/{waiting[0]['record_id']}:confirm"
    assert food.ok(await on_sqlite.post(first, as_=of(ATTACKER)))["nodes"] == ["place"]
    _, journey, _ = await told(on_sqlite)
    assert "冷库七" in {step["place"] for step in journey}
    assert (ATTACKER in await holders(on_sqlite)) == (by == "department"), "the department's own boxes are there"


async def test_a_department_decides_on_one_event(on_sqlite: Harness) -> None:
    """Where it does not confirm the place for all."""
    await stored(on_sqlite)
    await come(on_sqlite, ATTACKER)
    waiting = await claims(on_sqlite, chain.DEPARTMENT)
    [kept, _] = [each["record_id"] for each in waiting if each["place"] == gln(NEW)]
    food.ok(await on_sqlite.post(f"/v1/traceability/claims/{kept}:confirm", as_=chain.DEPARTMENT))
    _, journey, _ = await told(on_sqlite)
    assert [step["place"] for step in journey].count("冷库七") == 1
    assert await claims(on_sqlite, of(ATTACKER)) == []
