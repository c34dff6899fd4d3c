"""A chain of firms with places and products, and the events between them, as test data; the numbers are nobody's."""

from datetime import datetime, timedelta
from typing import Any

from services.traceability.callers import READ, WRITE
from services.traceability.epcis.api import READ as EPCIS_READ
from services.traceability.epcis.api import WRITE as EPCIS_WRITE
from shared.identifiers import gs1, uscc
from tests.support.app import NOW, Harness
from tests.support.callers import Caller, department, enterprise

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


def firm(letters: str, division: str = "370600") -> str:
    """A USCC with right check characters, registered in the division; `letters`: eight of its organisation code."""
    body = f"91{division}{letters}"
    body += uscc.organisation_check_character(letters)
    return body + uscc.check_character(body)


def gln(number: int) -> str:
    body = f"69000000{number:04d}"
    return body + gs1.check_digit(body)


def gtin(number: int) -> str:
    body = f"069000000{number:04d}"
    return body + gs1.check_digit(body)


def link(product: str, lot: str) -> str:
    return f"https://id.gs1.org/01/{product}/10/{lot}"


def sscc(number: int) -> str:
    body = f"06900000{number:09d}"
    return f"https://id.gs1.org/00/{body}{gs1.check_digit(body)}"


ORCHARD, PACKER, MARKET, SHOP = (firm(f"MA3C0A1{n}") for n in range(4))
"""Each runs the place with its number: `gln(1)` is the orchard's."""
FIRMS = {
    1: (ORCHARD, "果园合作社", "orchard"),
    2: (PACKER, "苹果包装厂", "packhouse"),
    3: (MARKET, "批发市场公司", "market"),
}
FIRMS[4] = (SHOP, "社区水果店", "shop")
FRUIT, BOX = gtin(1), gtin(2)
"""Bulk apples of the orchard, and boxes of the packer."""
DEPARTMENT = department(WRITE, READ, EPCIS_WRITE, EPCIS_READ)
START = NOW - timedelta(days=20)


def of(owner: str) -> Caller:
    return enterprise(owner)


async def put(harness: Harness, path: str, body: dict[str, Any], owner: str) -> dict[str, Any]:
    """Register one thing of master data as its owner."""
    answer = await harness.put(f"/v1/traceability/{path}", json=body, as_=of(owner))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def register(harness: Harness) -> None:
    """All firms, their places, the two products, and the lots F1 and F2 of the orchard."""
    for number, (owner, name, kind) in FIRMS.items():
        role = "producer" if number < 3 else "retail"
        await put(harness, f"parties/{owner}", {"name": name, "area_code": "370686", "roles": [role]}, owner)
        place = {"name": f"{name}场所", "uscc": owner, "area_code": "370686", "kind": kind}
        await put(harness, f"places/{gln(number)}", place, owner)
    for product, owner, name in ((FRUIT, ORCHARD, "散装苹果"), (BOX, PACKER, "盒装苹果")):
        await put(harness, f"products/{product}", {"name": name, "owner_uscc": owner, "shelf_life_days": 90}, owner)
    for number in ("F1", "F2"):
        body = {"produced_on": "2026-11-04", "origin_gln": gln(1)}
        await put(harness, f"lots/{FRUIT}/{number}", body, ORCHARD)


def at(day: float) -> str:
    """`day` days after the start of the chain."""
    return (START + timedelta(days=day)).isoformat()


def event(kind: str, day: float, place: int | None, step: str, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": kind,
        "eventTime": at(day).replace("+00:00", "Z"),
        "eventTimeZoneOffset": "+08:00",
        "bizStep": step,
        **fields,
    }
    if place is not None:
        found["readPoint"] = {"id": f"https://id.gs1.org/414/{gln(place)}"}
        found["bizLocation"] = {"id": f"https://id.gs1.org/414/{gln(place)}"}
    return found


def amount(product: str, lot: str, quantity: float | None, uom: str | None = "KGM") -> dict[str, Any]:
    found: dict[str, Any] = {"epcClass": link(product, lot)}
    if quantity is not None:
        found["quantity"] = quantity
        if uom:
            found["uom"] = uom
    return found


def harvest(lot: str, quantity: float = 1000, day: float = 0) -> dict[str, Any]:
    quantities = [amount(FRUIT, lot, quantity)]
    return event("ObjectEvent", day, 1, "commissioning", action="ADD", quantityList=quantities)


def parties(sender: int, receiver: int) -> dict[str, Any]:
    return {
        "sourceList": [{"type": "owning_party", "source": f"https://id.gs1.org/417/{gln(sender)}"}],
        "destinationList": [{"type": "owning_party", "destination": f"https://id.gs1.org/417/{gln(receiver)}"}],
    }


def ship(
    sender: int, receiver: int, day: float, *quantities: dict[str, Any], epcs: tuple[str, ...] = ()
) -> dict[str, Any]:
    objects: dict[str, Any] = {"quantityList": list(quantities)} if quantities else {"epcList": list(epcs)}
    return event("ObjectEvent", day, sender, "shipping", action="OBSERVE", **objects, **parties(sender, receiver))


def receive(
    sender: int, receiver: int, day: float, *quantities: dict[str, Any], epcs: tuple[str, ...] = ()
) -> dict[str, Any]:
    objects: dict[str, Any] = {"quantityList": list(quantities)} if quantities else {"epcList": list(epcs)}
    return event("ObjectEvent", day, receiver, "receiving", action="OBSERVE", **objects, **parties(sender, receiver))


def pack(day: float, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return event("TransformationEvent", day, 2, "commissioning", inputQuantityList=inputs, outputQuantityList=outputs)


def document(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": NOW.isoformat(),
        "epcisBody": {"eventList": list(events)},
    }


async def capture(
    harness: Harness, body: dict[str, Any], as_: Caller = DEPARTMENT, behaviour: str | None = None
) -> dict[str, Any]:
    """Post a document and wait for its job."""
    headers = {"GS1-Capture-Error-Behaviour": behaviour} if behaviour else {}
    answer = await harness.post("/epcis/capture", json=body, as_=as_, headers=headers)
    assert answer.status_code == 202, answer.text
    return await job(harness, answer.headers["location"], as_)


async def job(harness: Harness, location: str, as_: Caller = DEPARTMENT) -> dict[str, Any]:
    capture_id = location.rpartition("/")[2]
    done = "SELECT count(*) FROM capture WHERE capture_id = $1 AND state = 'done'"
    await harness.until(lambda: harness.rows(done, capture_id) == [(1,)], "the capture job")
    answer = await harness.get(location, as_=as_)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["running"] is False
    return found


PACKING = pack(
    3,
    [amount(FRUIT, "F1", 600), amount(FRUIT, "F2", 400)],
    [amount(BOX, "B1", 50, None), amount(BOX, "B2", 40, None)],
)


async def whole_chain(harness: Harness) -> None:
    """Two harvests are packed into two lots of boxes, which go over the market to the shop, one in a pallet."""
    await register(harness)
    for number in ("B1", "B2"):
        await put(harness, f"lots/{BOX}/{number}", {"produced_on": "2026-11-07"}, PACKER)
    first = document(
        harvest("F1", 600),
        harvest("F2", 400),
        ship(1, 2, 1, amount(FRUIT, "F1", 600), amount(FRUIT, "F2", 400)),
    )
    assert (await capture(harness, first, of(ORCHARD)))["stored"] == 3
    second = document(
        receive(1, 2, 2, amount(FRUIT, "F1", 600), amount(FRUIT, "F2", 400)),
        pack(
            3,
            [amount(FRUIT, "F1", 600), amount(FRUIT, "F2", 400)],
            [amount(BOX, "B1", 50, None), amount(BOX, "B2", 40, None)],
        ),
        event(
            "AggregationEvent",
            4,
            2,
            "packing",
            action="ADD",
            parentID=sscc(1),
            childQuantityList=[amount(BOX, "B1", 50, None)],
        ),
        ship(2, 3, 5, epcs=(sscc(1),)),
    )
    assert (await capture(harness, second, of(PACKER)))["stored"] == 4
    third = document(
        receive(2, 3, 6, epcs=(sscc(1),)),
        event("AggregationEvent", 6.5, 3, "unpacking", action="DELETE", parentID=sscc(1)),
        ship(3, 4, 7, amount(BOX, "B1", 30, None)),
    )
    assert (await capture(harness, third, of(MARKET)))["stored"] == 3
    sold = amount(BOX, "B1", 12, None)
    fourth = document(
        receive(3, 4, 8, amount(BOX, "B1", 30, None)),
        event("ObjectEvent", 9, 4, "retail_selling", action="OBSERVE", quantityList=[sold]),
    )
    assert (await capture(harness, fourth, of(SHOP)))["stored"] == 2


def lot(product: str, number: str) -> str:
    return f"{product}.{number}"


def instant(day: float) -> datetime:
    return START + timedelta(days=day)
