"""Departments and firms far away: who a firm is supervised by is no word of theirs."""

from typing import Any

import pytest

from services.traceability.callers import READ, WRITE
from services.traceability.epcis.api import READ as EPCIS_READ
from services.traceability.epcis.api import WRITE as EPCIS_WRITE
from shared.events.credit import EnterpriseUpdated
from shared.reference import areas
from tests.support.app import Harness
from tests.support.callers import Caller, department
from tests.traceability import chain
from tests.traceability.chain import BOX, MARKET, PACKER, amount, gln, gtin, of, sscc

NEW, FAR = chain.firm("MA3C0A16"), chain.firm("MA3C0A17", "110101")
JAM = gtin(6)
SCOPES = (WRITE, READ, EPCIS_WRITE, EPCIS_READ, "traceability:recalls:write")


def of_area(area: str) -> Caller:
    return department(*SCOPES, area=area, code=f"d{area}", client=f"client-{area}")


YANTAI, QIXIA, BEIJING = of_area("370600"), of_area("370686"), of_area("110101")


@pytest.mark.parametrize(
    ("code", "area", "near"),
    [
        ("370600", "370686", True),  # a county of the city that registered it
        ("370686", "370602", True),  # another county of the same city
        ("370602", "370600", True),
        ("370000", "370602", True),  # the province registered it
        ("100000", "370602", True),  # the nation did
        ("370602", "110101", False),
        ("110101", "370602", False),
        ("370602", "370102", False),  # another city of the province
        ("ABCDEF", "110101", True),  # shows no division: nothing speaks against it
    ],
)
def test_which_areas_are_near_a_code(code: str, area: str, near: bool) -> None:
    """Worked out by hand from GB/T 2260: two digits of the province, two of the city, two of the county."""
    assert areas.registered_near(f"91{code}MA3C0A16XX", area) is near


async def put_party(harness: Harness, uscc: str, area: str, as_: Caller) -> int:
    body = {"name": "新厂", "area_code": area, "roles": ["producer"]}
    return (await harness.put(f"/v1/traceability/parties/{uscc}", json=body, as_=as_)).status_code


async def jam(harness: Harness, area: str = "370686") -> None:
    place = {"name": "新厂场所", "uscc": NEW, "area_code": area, "kind": "factory"}
    await chain.put(harness, f"places/{gln(60)}", place, NEW)
    await chain.put(harness, f"products/{JAM}", {"name": "果酱", "owner_uscc": NEW, "shelf_life_days": 90}, NEW)
    await chain.put(harness, f"lots/{JAM}/J1", {"produced_on": "2026-11-04"}, NEW)


async def statuses(harness: Harness, as_: Caller) -> tuple[int, int]:
    """Of reading the lot and of recalling it."""
    read = await harness.get(f"/v1/traceability/lots/{JAM}.J1", as_=as_)
    body = {"lots": [f"{JAM}.J1"], "level": 1, "reason": "农药残留超标"}
    recall = await harness.post("/v1/traceability/recalls", json=body, as_=as_)
    return read.status_code, recall.status_code


async def test_a_firm_is_registered_where_its_code_shows(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    assert await put_party(on_sqlite, NEW, "110101", BEIJING) == 403
    assert await put_party(on_sqlite, NEW, "110101", of(NEW)) == 403
    assert await put_party(on_sqlite, NEW, "370686", YANTAI) == 200
    await jam(on_sqlite)
    assert await statuses(on_sqlite, BEIJING) == (403, 403)
    assert await statuses(on_sqlite, YANTAI) == (200, 201)


async def test_a_firm_that_moved_is_registered_where_credit_states_it(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    stated = EnterpriseUpdated(uscc=FAR, name="新厂", area_code="370686", state="active", source="register")
    assert await put_party(on_sqlite, FAR, "370686", QIXIA) == 403
    await on_sqlite.deliver(stated)
    assert await put_party(on_sqlite, FAR, "370686", of(FAR)) == 200


@pytest.mark.parametrize("source", ["violation", None])
async def test_a_record_of_a_far_unit_makes_nobody_the_supervisor(on_sqlite: Harness, source: Any) -> None:
    await chain.register(on_sqlite)
    assert await put_party(on_sqlite, NEW, "370686", of(NEW)) == 200
    await jam(on_sqlite)
    told = EnterpriseUpdated(uscc=NEW, name="新厂", area_code="110101", state="active", source=source)
    await on_sqlite.deliver(told)
    assert await statuses(on_sqlite, BEIJING) == (403, 403)
    lots = await on_sqlite.get("/v1/traceability/lots", as_=BEIJING)
    assert lots.json()["items"] == []
    assert await statuses(on_sqlite, YANTAI) == (200, 201)


async def test_a_department_registers_places_of_firms_that_it_supervises(on_sqlite: Harness) -> None:
    """A GLN that others' events name: whoever registers it for a firm of another area opens nothing."""
    await chain.whole_chain(on_sqlite)
    sent = chain.ship(2, 77, 5, amount(BOX, "B1", 1, None))
    await chain.capture(on_sqlite, chain.document(sent), of(PACKER))
    place = {"name": "场所", "uscc": MARKET, "area_code": "110101", "kind": "warehouse"}
    answer = await on_sqlite.put(f"/v1/traceability/places/{gln(77)}", json=place, as_=BEIJING)
    assert (answer.status_code, answer.json()["code"]) == (403, "area")
    assert (await on_sqlite.put(f"/v1/traceability/places/{gln(77)}", json=place, as_=YANTAI)).status_code == 403
    near = place | {"area_code": "370602"}
    assert (await on_sqlite.put(f"/v1/traceability/places/{gln(77)}", json=near, as_=YANTAI)).status_code == 200


@pytest.mark.parametrize("registered", [False, True])
async def test_a_crate_of_a_firm_that_is_not_registered_yet(on_sqlite: Harness, registered: bool) -> None:
    """Its code shows whose department speaks of what it has; that it registers later changes nothing for another's."""
    await chain.register(on_sqlite)
    if registered:
        assert await put_party(on_sqlite, NEW, "370686", of(NEW)) == 200
    crate, packed = sscc(70), amount(gtin(61), "N1", 5, None)
    own = chain.event("AggregationEvent", 4, 60, "packing", action="ADD", parentID=crate, childQuantityList=[packed])
    await chain.capture(on_sqlite, chain.document(own), of(NEW))
    words = [
        chain.event("AggregationEvent", day, 88, "unpacking", action="DELETE", parentID=crate) for day in (5, 6, 7)
    ]
    for word, who in zip(words, (BEIJING, YANTAI, QIXIA), strict=True):
        await chain.capture(on_sqlite, chain.document(word), who)
    if not registered:
        assert counted(on_sqlite, crate) == {"d110101": False, "d370600": True, "d370686": False}
        assert await put_party(on_sqlite, NEW, "370686", of(NEW)) == 200
    assert counted(on_sqlite, crate) == {"d110101": False, "d370600": True, "d370686": True}


def counted(harness: Harness, node: str) -> dict[str, bool]:
    """Department -> whether its word on the container counts."""
    rows = harness.rows(
        "SELECT v.captured_by, e.confirmed FROM event_epc e JOIN epcis_event v ON v.record_id = e.record_id "
        "WHERE e.node = $1 AND v.owner_uscc IS NULL",
        f"https://id.gs1.org/00/{node.rpartition('/')[2]}" if "/" in node else node,
    )
    return {who.partition(":")[2]: bool(confirmed) for who, confirmed in rows}
