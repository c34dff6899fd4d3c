"""What the schema of EPCIS 2.0 cannot say, and the canonical form in which an event is stored. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from services.traceability.epcis import eventhash
from services.traceability.epcis.identifiers import Identifier, canonical_or_same, identify
from services.traceability.graph.rules import is_middle
from services.traceability.rights.rules import kind_of
from shared.errors import FieldError, clip
from shared.identifiers import IdentifierError

EPC_LISTS = {"epcList": "epc", "childEPCs": "child", "inputEPCList": "input", "outputEPCList": "output"}
QUANTITY_LISTS = {
    "quantityList": "quantity",
    "childQuantityList": "child_quantity",
    "inputQuantityList": "input_quantity",
    "outputQuantityList": "output_quantity",
}
MAX_QUANTITY = 10**12
MAX_IDENTIFIER = 1000
"""Characters of a URI that is looked up: an index entry holds at most 2,700 bytes on PostgreSQL."""
_ONCE = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")
"""Said for a whole sensor element or for one report of it, not both (EPCIS 2.0 section 7.3.7)."""
_BARE = re.compile(
    r"(?:https?://ref\.gs1\.org/cbv/|cbv:)(?:BizStep|Disp|BTT|SDT|ER)-(?P<web>[A-Za-z_]+)"
    r"|urn:epcglobal:cbv:(?:bizstep|disp|btt|sdt|er):(?P<urn>[A-Za-z_]+)"
)


@dataclass(frozen=True, slots=True)
class Participant:
    """An object named in an event."""

    pointer: str
    field: str
    id: Identifier
    quantity: Decimal | None = None
    uom: str | None = None


def check(event: dict[str, Any], pointer: str) -> list[FieldError]:
    """Findings of an event that has passed the schema."""
    return [
        *_times(event, pointer),
        *_identifiers(event, pointer),
        *_actions(event, pointer),
        *_sensors(event, pointer),
    ]


def instant(text: str) -> datetime:
    """An RFC 3339 time in UTC. Raises ValueError where it is outside of what can be stored."""
    try:
        at = datetime.fromisoformat(text.upper())
        if not 1900 <= at.year <= 9000:
            raise ValueError(text)
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def bare(word: str | None) -> str | None:
    """`shipping` of `https://ref.gs1.org/cbv/BizStep-shipping`; words of other vocabularies as they are."""
    if word is None:
        return None
    match = _BARE.fullmatch(word)
    return (match["web"] or match["urn"]) if match else word


def participants(event: dict[str, Any], pointer: str = "") -> Iterator[Participant]:
    """Every object that a valid event names. Raises IdentifierError."""
    if parent := event.get("parentID"):
        yield Participant(f"{pointer}/parentID", "parent", identify(parent))
    for name, field in EPC_LISTS.items():
        seen: set[str] = set()
        for index, epc in enumerate(event.get(name) or ()):
            found = identify(epc)
            if found.uri not in seen:
                seen.add(found.uri)
                yield Participant(f"{pointer}/{name}/{index}", field, found)
    for name, field in QUANTITY_LISTS.items():
        for index, each in enumerate(event.get(name) or ()):
            amount = each.get("quantity")
            yield Participant(
                f"{pointer}/{name}/{index}/epcClass",
                field,
                identify(each["epcClass"]),
                None if amount is None else six_places(amount),
                each.get("uom"),
            )


def six_places(amount: float | int) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.000001"), rounding=ROUND_HALF_EVEN)


def place_gln(event: dict[str, Any]) -> str | None:
    """GLN of where the event was: `bizLocation`, else `readPoint`."""
    for name in ("bizLocation", "readPoint"):
        if (place := event.get(name)) and (gln := identify(place["id"]).gln):
            return gln
    return None


def glns(event: dict[str, Any]) -> list[str]:
    """GLNs of bizLocation and readPoint."""
    found = (identify(event[name]["id"]).gln for name in ("bizLocation", "readPoint") if event.get(name))
    return [gln for gln in found if gln]


def party_gln(event: dict[str, Any], side: str) -> str | None:
    """GLN of the possessing, else owning party, else location, in `source` or `destination` lists."""
    found = {bare(each.get("type")): identify(each[side]).gln for each in event.get(f"{side}List") or ()}
    return next((gln for kind in ("possessing_party", "owning_party", "location") if (gln := found.get(kind))), None)


def canonical(event: dict[str, Any]) -> dict[str, Any]:
    """The event with canonical identifiers and bare CBV words; extensions and everything else are left alone."""
    body = dict(event)
    for name in EPC_LISTS:
        if name in body:
            body[name] = _each_once(body[name])
    for name in QUANTITY_LISTS:
        if name in body:
            body[name] = [each | {"epcClass": identify(each["epcClass"]).uri} for each in body[name]]
    for name in ("parentID", "transformationID"):
        if name in body:
            body[name] = canonical_or_same(body[name])
    for name in ("readPoint", "bizLocation"):
        if name in body:
            body[name] = body[name] | {"id": identify(body[name]["id"]).uri}
    for name in ("bizStep", "disposition"):
        if name in body:
            body[name] = bare(body[name])
    for name, key in (
        ("bizTransactionList", "bizTransaction"),
        ("sourceList", "source"),
        ("destinationList", "destination"),
    ):
        if name in body:
            body[name] = [
                each | {key: canonical_or_same(each[key])} | ({"type": bare(each["type"])} if "type" in each else {})
                for each in body[name]
            ]
    return body


def _each_once(epcs: list[str]) -> list[str]:
    """Canonical. Of an object that is named twice in two spellings, one entry keeps its own: a list may not repeat an
    entry, and the event's hash counts both."""
    taken = {epc for epc in epcs if identify(epc).uri == epc}
    found: list[str] = []
    for epc in epcs:
        uri = identify(epc).uri
        found.append(epc if uri in taken else uri)
        taken.add(uri)
    return found


def _times(event: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    times = [("eventTime", event["eventTime"])]
    if declaration := event.get("errorDeclaration"):
        times.append(("errorDeclaration/declarationTime", declaration["declarationTime"]))
    for index, element in enumerate(event.get("sensorElementList") or ()):
        place = f"sensorElementList/{index}"
        times += [(f"{place}/sensorMetadata/{name}", text) for name, text in _timed(element.get("sensorMetadata"))]
        for number, report in enumerate(element.get("sensorReport") or ()):
            times += [(f"{place}/sensorReport/{number}/{name}", text) for name, text in _timed(report)]
    for place, text in times:
        if text is None:
            continue
        try:
            instant(text)
        except ValueError:
            yield FieldError(
                f"{pointer}/{place}",
                "epcis.time",
                f"时间 {clip(text)} 不存在，或不在 1900 至 9000 年之间",
                f"{clip(text)} is not a time between the years 1900 and 9000",
            )


def _timed(part: dict[str, Any] | None) -> Iterator[tuple[str, Any]]:
    for name in eventhash.TIMES:
        yield name, (part or {}).get(name)


def _identifiers(event: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    named: list[tuple[str, Any]] = [(f"{pointer}/parentID", event.get("parentID"))]
    for name in EPC_LISTS:
        named += [(f"{pointer}/{name}/{index}", epc) for index, epc in enumerate(event.get(name) or ())]
    for name in QUANTITY_LISTS:
        for index, each in enumerate(event.get(name) or ()):
            named.append((f"{pointer}/{name}/{index}/epcClass", each["epcClass"]))
            yield from _quantity(each, f"{pointer}/{name}/{index}")
    for name in ("readPoint", "bizLocation"):
        named.append((f"{pointer}/{name}/id", (event.get(name) or {}).get("id")))
    for side in ("source", "destination"):
        for index, each in enumerate(event.get(f"{side}List") or ()):
            named.append((f"{pointer}/{side}List/{index}/{side}", each.get(side)))
    for place, text in named:
        if isinstance(text, str):
            try:
                found = identify(text)
            except IdentifierError as error:
                yield FieldError(place, error.code, error.zh, error.en)
                continue
            if is_middle(found.node):
                yield FieldError(
                    place,
                    "epcis.identifier_reserved",
                    f"标识 {clip(text)} 的写法留给平台内部使用，不能指一个物品",
                    f"{clip(text)} is written as the platform writes names of its own; it names no object",
                )
    for name in ("eventID", "bizStep", "disposition", "transformationID"):
        named.append((f"{pointer}/{name}", event.get(name)))
    for place, text in named:
        if isinstance(text, str) and len(text) > MAX_IDENTIFIER:
            yield FieldError(
                place,
                "epcis.too_long",
                f"标识最长 {MAX_IDENTIFIER} 个字符，这个有 {len(text)} 个",
                f"An identifier has at most {MAX_IDENTIFIER} characters, this one {len(text)}",
            )


def _quantity(each: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    amount = each.get("quantity")
    if amount is None:
        if each.get("uom") is not None:
            yield FieldError(
                f"{pointer}/uom", "epcis.uom_alone", "有计量单位就要有数量", "A unit of measure needs a quantity"
            )
    elif not 0 <= amount < MAX_QUANTITY:
        yield FieldError(
            f"{pointer}/quantity",
            "epcis.quantity_range",
            f"数量应不小于 0 且小于 {MAX_QUANTITY:,}",
            f"A quantity is at least 0 and less than {MAX_QUANTITY:,}",
        )


def _actions(event: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    kind, action = event["type"], event.get("action")
    if kind in ("AggregationEvent", "AssociationEvent"):
        if action in ("ADD", "DELETE") and not event.get("parentID"):
            yield FieldError(
                f"{pointer}/parentID",
                "epcis.parent_missing",
                f"动作为 {action} 时必须给出 parentID",
                f"parentID is required when the action is {action}",
            )
        if action == "ADD" and not (event.get("childEPCs") or event.get("childQuantityList")):
            yield FieldError(
                f"{pointer}/childEPCs",
                "epcis.children_missing",
                "动作为 ADD 时必须给出 childEPCs 或 childQuantityList",
                "childEPCs or childQuantityList is required when the action is ADD",
            )
    if kind in ("AggregationEvent", "AssociationEvent") and "errorDeclaration" not in event:
        yield from _parent(event.get("parentID"), f"{pointer}/parentID")
    if kind == "ObjectEvent" and event.get("ilmd") and action != "ADD":
        yield FieldError(
            f"{pointer}/ilmd",
            "epcis.ilmd_action",
            "只有动作为 ADD 的事件可以带 ilmd",
            "ilmd goes with the action ADD only",
        )
    if kind == "TransformationEvent" and not event.get("transformationID"):
        for side, zh in (("input", "投入"), ("output", "产出")):
            if not (event.get(f"{side}EPCList") or event.get(f"{side}QuantityList")):
                yield FieldError(
                    f"{pointer}/{side}QuantityList",
                    f"epcis.{side}_missing",
                    f"没有 transformationID 时必须同时有{zh}",
                    f"Without a transformationID the event needs an {side}",
                )


def _parent(parent: Any, pointer: str) -> Iterator[FieldError]:
    """A parent is one instance: into "the lot" or "the product" everything that anybody ever packed would go."""
    try:
        found = identify(parent) if isinstance(parent, str) else None
    except IdentifierError:
        return  # said by `_identifiers`
    if found is not None and found.gtin is not None and kind_of(found.node)[0] != "item":
        yield FieldError(
            pointer,
            "epcis.parent_class",
            "parentID 应为一个具体的容器（SSCC、GRAI、GIAI 或带序列号的商品），不能是批次或商品；"
            "一批由另一批制成请用 TransformationEvent",
            "parentID is one container (SSCC, GRAI, GIAI, or a GTIN with a serial number), never a lot or a product; "
            "to say that a lot was made of another use a TransformationEvent",
        )


def _sensors(event: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    for index, element in enumerate(event.get("sensorElementList") or ()):
        metadata = element.get("sensorMetadata") or {}
        for place, report in enumerate(element.get("sensorReport") or ()):
            for name in _ONCE:
                if name in metadata and name in report and metadata[name] != report[name]:
                    yield FieldError(
                        f"{pointer}/sensorElementList/{index}/sensorReport/{place}/{name}",
                        "epcis.sensor_twice",
                        f"{name} 在 sensorMetadata 与 sensorReport 中不一致",
                        f"{name} differs between sensorMetadata and sensorReport",
                    )
