"""What a firm or a department tries with events on objects of others, each as events of the attacker, and what the
victims, the public and the attacker read."""

from collections.abc import Callable
from typing import Any

from services.traceability.genealogy.service import affected, held
from tests.support.app import Harness
from tests.support.callers import Caller, department
from tests.traceability import chain
from tests.traceability.chain import BOX, FRUIT, MARKET, ORCHARD, PACKER, SHOP, amount, gln, gtin, lot, of, sscc

ATTACKER = chain.firm("MA3C0A15")
NUTS = gtin(5)
BAD = lot(NUTS, "BAD")
STRANGER = department(
    "traceability:epcis:write", "traceability:epcis:read", "traceability:lots:read", area="110101", code="bj"
)
RUN = f"https://id.gs1.org/253/{gln(2)}RUN1"
GRAI = "https://id.gs1.org/8003/00690000000051CRATE1"


async def settle(harness: Harness) -> None:
    """The whole chain, a run of the packer in two events, a crate of the market; the attacker with a lot of its own."""
    await chain.whole_chain(harness)
    put_in = chain.event(
        "TransformationEvent",
        3.5,
        2,
        "commissioning",
        inputQuantityList=[amount(FRUIT, "F1", 9)],
        transformationID=RUN,
    )
    made = chain.event(
        "TransformationEvent",
        3.6,
        2,
        "commissioning",
        outputQuantityList=[amount(BOX, "B3", 1, None)],
        transformationID=RUN,
    )
    own = {"eventID": "urn:erp:1"}
    boxed = chain.event(
        "ObjectEvent", 4, 2, "commissioning", action="ADD", quantityList=[amount(BOX, "B4", 5, None)], **own
    )
    await chain.capture(harness, chain.document(put_in, made, boxed), of(PACKER))
    name = {"name": "坚果厂", "area_code": "370686", "roles": ["producer"]}
    await chain.put(harness, f"parties/{ATTACKER}", name, ATTACKER)
    place = {"name": "坚果厂场所", "uscc": ATTACKER, "area_code": "370686", "kind": "factory"}
    await chain.put(harness, f"places/{gln(5)}", place, ATTACKER)
    product = {"name": "坚果", "owner_uscc": ATTACKER, "shelf_life_days": 90}
    await chain.put(harness, f"products/{NUTS}", product, ATTACKER)
    await chain.put(harness, f"lots/{NUTS}/BAD", {"produced_on": "2026-11-04"}, ATTACKER)


async def snapshot(harness: Harness) -> dict[str, Any]:
    """Byte for byte: traces, lists and events of the victims, scans, the sets and holders of recalls."""
    found: dict[str, Any] = {}
    for owner, lots in ((PACKER, ("B1", "B3", "B4")), (SHOP, ("B1",)), (MARKET, ("B1",))):
        for number in lots:
            path = f"/v1/traceability/lots/{lot(BOX, number)}/trace"
            found[f"trace {owner} {number}"] = (await harness.get(path, as_=of(owner))).content
    path = f"/v1/traceability/lots/{lot(FRUIT, 'F1')}/trace"
    found["trace orchard"] = (await harness.get(path, as_=of(ORCHARD))).content
    for owner in (ORCHARD, PACKER, MARKET, SHOP):
        found[f"lots {owner}"] = (await harness.get("/v1/traceability/lots", as_=of(owner))).content
        for event in await events(harness, of(owner)):
            if event_is_of_chain(event):
                found.setdefault(f"events {owner}", []).append(event)
    for code in (lot(FRUIT, "F1"), *(lot(BOX, number) for number in ("B1", "B2", "B3", "B4", "FAKE"))):
        product, _, number = code.partition(".")
        path = f"/v1/traceability/verdicts/https%3A%2F%2Fid.gs1.org%2F01%2F{product}%2F10%2F{number}"
        found[f"scan {code}"] = (await harness.get(path)).content
    async with harness.platform.read() as session:
        for roots in ([lot(FRUIT, "F1")], [lot(BOX, "B1")], [BAD]):
            reached = await affected(session, roots)
            mine = [each for each in reached.lots if each.gtin != NUTS]
            found[f"recall {roots}"] = (
                mine,
                [
                    h
                    for h in (await held(session, [each.lot_id for each in reached.lots])).holdings
                    if h.lot_id[:14] != NUTS
                ],
            )
    return found


def event_is_of_chain(event: dict[str, Any]) -> bool:
    return "attack" not in event


async def events(harness: Harness, as_: Caller) -> list[dict[str, Any]]:
    answer = await harness.get("/epcis/events", params={"perPage": 200}, as_=as_)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found


def _own(kind: str, day: float, step: str, **fields: Any) -> dict[str, Any]:
    return chain.event(kind, day, 5, step, **fields)


def _pack_into(parent: str, day: float = 4.5) -> dict[str, Any]:
    child = [amount(NUTS, "BAD", 1, None)]
    return _own("AggregationEvent", day, "packing", action="ADD", parentID=parent, childQuantityList=child)


def _make(output: str, *, day: float = 2, product: str = BOX) -> dict[str, Any]:
    inputs, outputs = [amount(NUTS, "BAD", 1, None)], [amount(product, output, 1, None)]
    return _own("TransformationEvent", day, "commissioning", inputQuantityList=inputs, outputQuantityList=outputs)


def _seen(step: str, day: float, *, number: str = "B1", product: str = BOX, **more: Any) -> dict[str, Any]:
    quantities = [amount(product, number, 1000, None)]
    return _own("ObjectEvent", day, step, action="OBSERVE", quantityList=quantities, **more)


def _declared(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"errorDeclaration": {"declarationTime": chain.at(12), "reason": "incorrect_data"}}


ATTACKS: dict[str, list[dict[str, Any]]] = {
    "output with the victim's lot": [_make("B1")],
    "output with a lot that the victim never made": [_make("FAKE")],
    "commissioning of the victim's lot with other dates": [
        _own(
            "ObjectEvent",
            1,
            "commissioning",
            action="ADD",
            quantityList=[amount(BOX, "B4", 9, None)],
            ilmd={"cbvmda:itemExpirationDate": "2026-11-05"},
        )
    ],
    "packing into the victim's pallet": [_pack_into(sscc(1))],
    "packing into the victim's pallet, at a time before": [_pack_into(sscc(1), 0.1)],
    "receiving the victim's pallet first": [
        _own("ObjectEvent", 4.2, "receiving", action="OBSERVE", epcList=[sscc(1)], **chain.parties(2, 5)),
        _pack_into(sscc(1), 4.3),
    ],
    "sending the pallet to the victim": [
        _pack_into(sscc(1), 0.1),
        _own("ObjectEvent", 0.2, "shipping", action="OBSERVE", epcList=[sscc(1)], **chain.parties(5, 2)),
    ],
    "sending the pallet to who received it": [
        _pack_into(sscc(1), 5.1),
        _own("ObjectEvent", 5.2, "shipping", action="OBSERVE", epcList=[sscc(1)], **chain.parties(5, 3)),
    ],
    "unpacking the victim's pallet": [
        _own("AggregationEvent", 4.1, "unpacking", action="DELETE", parentID=sscc(1)),
    ],
    "putting the pallet into another": [
        _own("AggregationEvent", 4.1, "packing", action="ADD", parentID=sscc(7), childEPCs=[sscc(1)]),
        _own("ObjectEvent", 4.2, "shipping", action="OBSERVE", epcList=[sscc(7)], **chain.parties(5, 5)),
    ],
    "putting the lot into an own box": [
        _own(
            "AggregationEvent",
            4.1,
            "packing",
            action="ADD",
            parentID=sscc(7),
            childQuantityList=[amount(BOX, "B1", 5, None)],
        ),
        _own("ObjectEvent", 4.2, "shipping", action="OBSERVE", epcList=[sscc(7)], **chain.parties(5, 5)),
    ],
    "the victim's transformationID": [
        _own(
            "TransformationEvent",
            3.55,
            "commissioning",
            inputQuantityList=[amount(NUTS, "BAD", 1, None)],
            transformationID=RUN,
        )
    ],
    "the victim's lot as a parent": [_pack_into(chain.link(BOX, "B1"))],
    "the victim's product as a parent": [_pack_into(f"https://id.gs1.org/01/{BOX}")],
    "an item of the victim as a parent": [_pack_into(f"https://id.gs1.org/01/{BOX}/21/7")],
    "observing": [_seen("inspecting", 4)],
    "a receipt": [_seen("receiving", 6, **chain.parties(2, 5))],
    "a receipt without parties": [_seen("receiving", 6)],
    "a shipment to a victim": [_seen("shipping", 6, **chain.parties(5, 4))],
    "a shipment in the victim's name": [
        chain.event(
            "ObjectEvent",
            4.4,
            2,
            "shipping",
            action="OBSERVE",
            quantityList=[amount(BOX, "B4", 5, None)],
            **chain.parties(2, 5),
        )
    ],
    "an event at the victim's place, from it to oneself": [
        chain.event(
            "ObjectEvent",
            8.5,
            4,
            "retail_selling",
            action="OBSERVE",
            quantityList=[amount(BOX, "B1", 30, None)],
            **chain.parties(4, 5),
        )
    ],
    "the own lot sent by the victim": [
        chain.event(
            "ObjectEvent",
            4.4,
            2,
            "shipping",
            action="OBSERVE",
            quantityList=[amount(NUTS, "BAD", 5, None)],
            **chain.parties(2, 5),
        )
    ],
    "destroying": [_seen("destroying", 6)],
    "a material of the victim": [_seen("inspecting", 2.5, number="F1", product=FRUIT)],
    "the victim's event in error": [_declared(chain.PACKING)],
    "an event at an unregistered place": [
        _seen("inspecting", 4)
        | {
            "bizLocation": {"id": f"https://id.gs1.org/414/{gln(99)}"},
            "readPoint": {"id": f"https://id.gs1.org/414/{gln(99)}"},
        }
    ],
}
EXPECTED_REFUSED: Callable[[str], bool] = lambda name: name.startswith(("the victim's lot as", "the victim's product"))  # noqa: E731
