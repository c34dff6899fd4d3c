"""Who supervises a firm decides on what is claimed of its objects and sees its events, wherever the firm says it is."""

from typing import Any

from services.traceability.callers import READ, WRITE
from services.traceability.epcis.api import READ as EPCIS_READ
from services.traceability.epcis.api import WRITE as EPCIS_WRITE
from shared.events.credit import EnterpriseUpdated
from tests.support.app import Harness
from tests.support.callers import Caller, department, staff
from tests.traceability import chain, food
from tests.traceability.chain import PACKER, amount, document, gln, of, sscc
from tests.traceability.rights.attacks import events

FIRM = chain.firm("MA3C0A15", "110101")
"""Registers itself and its place in Beijing; the register of credit has it in Yantai."""
RAISINS = chain.gtin(5)
SCOPES = (WRITE, READ, EPCIS_WRITE, EPCIS_READ)


def of_area(area: str) -> Caller:
    return department(*SCOPES, area=area, code=f"d{area}", client=f"client-{area}")


YANTAI, BEIJING, SHENZHEN = of_area("370600"), of_area("110000"), of_area("440300")


async def settle(harness: Harness) -> None:
    await chain.register(harness)
    body = {"name": "葡萄干厂", "area_code": "110101", "roles": ["producer"]}
    await chain.put(harness, f"parties/{FIRM}", body, FIRM)
    place = {"name": "葡萄干厂场所", "uscc": FIRM, "area_code": "110101", "kind": "factory"}
    await chain.put(harness, f"places/{gln(5)}", place, FIRM)
    body = {"name": "葡萄干", "owner_uscc": FIRM, "shelf_life_days": 90}
    await chain.put(harness, f"products/{RAISINS}", body, FIRM)
    await chain.put(harness, f"lots/{RAISINS}/R1", {"produced_on": "2026-11-04"}, FIRM)
    await harness.deliver(
        EnterpriseUpdated(uscc=FIRM, name="葡萄干厂", area_code="370686", state="active", source="register")
    )


def made(place: int, day: float, product: str, number: str) -> dict[str, Any]:
    return chain.event(
        "ObjectEvent", day, place, "commissioning", action="ADD", quantityList=[amount(product, number, 1)]
    )


async def claims(harness: Harness, as_: Caller) -> list[dict[str, Any]]:
    answer = await harness.get("/v1/traceability/claims", as_=as_)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def decided(harness: Harness, record: str, as_: Caller, word: str = "confirm") -> int:
    return (await harness.post(f"/v1/traceability/claims/{record}:{word}", as_=as_)).status_code


async def test_both_areas_decide_and_no_other(traceability: Harness) -> None:
    await settle(traceability)
    for number in ("R2", "R3"):
        # A place of the claimant's, in Yantai; its lot, of the firm's product.
        await chain.capture(traceability, document(made(2, 1, RAISINS, number)), of(PACKER))
    first, second = (each["record_id"] for each in await claims(traceability, YANTAI))
    assert [each["record_id"] for each in await claims(traceability, BEIJING)] == [first, second]
    assert [each["objects"] for each in await claims(traceability, YANTAI)] != [[], []]
    assert await claims(traceability, SHENZHEN) == []
    assert await decided(traceability, first, SHENZHEN) == 404
    assert await decided(traceability, first, YANTAI) == 200
    assert await decided(traceability, second, BEIJING, "reject") == 200
    state = "SELECT node, confirmed FROM event_epc WHERE confirmed ORDER BY node"
    assert [node for node, _ in traceability.rows(state)] == [f"{RAISINS}.R2"]


async def test_where_the_claimant_says_it_is_decides_nothing_of_anothers(traceability: Harness) -> None:
    """The firm packs into the packer's pallet at its own place: Beijing has no say in what the packer holds."""
    await settle(traceability)
    mine = chain.event(
        "AggregationEvent",
        1,
        2,
        "packing",
        action="ADD",
        parentID=sscc(1),
        childQuantityList=[amount(chain.BOX, "B", 1)],
    )
    theirs = chain.event(
        "AggregationEvent",
        2,
        5,
        "packing",
        action="ADD",
        parentID=sscc(1),
        childQuantityList=[amount(RAISINS, "R1", 1)],
    )
    await chain.capture(traceability, document(mine), of(PACKER))
    await chain.capture(traceability, document(theirs), of(FIRM))
    [waiting] = await claims(traceability, YANTAI)
    assert await claims(traceability, BEIJING) == []
    state = "SELECT confirmed FROM event_epc WHERE record_id = $1 AND field = 'parent'"
    await decided(traceability, waiting["record_id"], BEIJING)
    assert [bool(row[0]) for row in traceability.rows(state, waiting["record_id"])] == [False]
    assert await decided(traceability, waiting["record_id"], YANTAI) == 200
    assert [bool(row[0]) for row in traceability.rows(state, waiting["record_id"])] == [True]


async def test_its_events_are_seen_by_who_supervises_it(traceability: Harness) -> None:
    await settle(traceability)
    await chain.capture(traceability, document(made(5, 1, RAISINS, "R1")), of(FIRM))
    for who, count in ((YANTAI, 1), (BEIJING, 1), (SHENZHEN, 0)):
        assert len(await events(traceability, who)) == count, who.id
        path = f"/v1/traceability/lots/{RAISINS}.R1/trace"
        assert (await traceability.get(path, as_=who)).status_code == (200 if count else 403), who.id


async def test_its_places_and_makers_are_in_the_same_hands(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    for caller, status in ((SHENZHEN, 403), (YANTAI, 200)):
        makers = {"makers": [{"uscc": PACKER}]}
        path = f"/v1/traceability/products/{RAISINS}/makers"
        assert (await on_sqlite.put(path, json=makers, as_=caller)).status_code == status
        path = f"/v1/traceability/places/{gln(5)}:confirm"
        assert (await on_sqlite.post(path, as_=caller)).status_code == status


async def test_its_late_recalls_are_on_the_list(on_sqlite: Harness) -> None:
    await settle(on_sqlite)
    body = food.recall_body(f"{RAISINS}.R1", level=1)
    opened = food.ok(await on_sqlite.post("/v1/traceability/recalls", json=body, as_=of(FIRM)), 201)
    on_sqlite.clock.advance(days=30)
    for area, numbers in (("370600", [opened["number"]]), ("110000", [opened["number"]]), ("440300", [])):
        officer = staff("case_officer", user=f"u{area}").but(area=area)
        page = food.ok(await on_sqlite.get("/v1/traceability/recalls?overdue=true", as_=officer))
        assert [each["number"] for each in page["items"]] == numbers, area
