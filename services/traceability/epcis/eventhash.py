"""Event hash ids of CBV 2.0: `ni:///sha-256;<hex>?ver=CBV2.0`, the same for every spelling of the same event.

The pre-hash string is a concatenation of `key=value` in the canonical property order of CBV 2.0 section 8.9.2. eventID,
recordTime, errorDeclaration, certificationInfo and comments take no part, so an event and its error declaration have
the same hash. Where the text of the standard leaves room, this follows the expected values that the authors of the
algorithm publish for CBV 2.0 (github.com/RalphTro/epcis-event-hash-generator, `expected/CBV2.0`): extensions inside
readPoint, bizLocation and sensorElement come after the standard fields, and GS1 terms expand to `https://ref.gs1.org/voc/`.
"""

import hashlib
import re
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.traceability.epcis.identifiers import canonical_or_same

CBV = "https://ref.gs1.org/cbv/"
VOC = "https://ref.gs1.org/voc/"
WELL_KNOWN = {
    "gs1": VOC,
    "cbv": CBV,
    "epcis": "https://ref.gs1.org/epcis/",
    "cbvmda": "urn:epcglobal:cbv:mda",
}
_CBV_URN = re.compile(r"urn:epcglobal:cbv:(bizstep|disp|btt|sdt|er):(.+)", re.DOTALL)
_CBV_URN_NAME = {"bizstep": "BizStep-", "disp": "Disp-", "btt": "BTT-", "sdt": "SDT-", "er": "ER-"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_BARE = re.compile(r"[A-Za-z_]+")

_METADATA = (
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_REPORT = (
    *("type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism"),
    *("chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue"),
    *("minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem"),
)
TIMES = ("time", "startTime", "endTime")
"""Of sensors."""
_COMMENTS = {"@context", "rdfs:comment", "comment"}
_IGNORED = {"type", "eventID", "recordTime", "errorDeclaration", "certificationInfo"}

Namespaces = Mapping[str, str]


def event_hash(event: Mapping[str, Any], namespaces: Namespaces) -> str:
    """The hash id. `namespaces`: prefixes of the JSON-LD context that is in force for the event."""
    digest = hashlib.sha256(prehash(event, namespaces).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def prehash(event: Mapping[str, Any], namespaces: Namespaces) -> str:
    """The canonical text that is hashed."""
    names = {**WELL_KNOWN, **namespaces}
    parts = ["eventType=", str(event.get("type", ""))]
    for key, write in _ORDER:
        if (value := event.get(key)) is not None:
            parts.append(write(key, value))
    if ilmd := event.get("ilmd"):
        parts.append(_named("ilmd", _extensions(ilmd, names)))
    for place in ("readPoint", "bizLocation"):
        parts.append(_named(place, _extensions(event.get(place) or {}, names, leave=("id",))))
    parts.append(_sensor_extensions(event.get("sensorElementList") or [], names))
    parts.append(_extensions(event, names, leave=_STANDARD))
    return "".join(parts)


def utc_milliseconds(text: str) -> str:
    """RFC 3339 to UTC with milliseconds, cut not rounded (rounding came with CBV 2.1)."""
    instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    return instant.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def scalar(value: Any) -> str:
    """A leaf in its canonical text: numbers without trailing zeros, CBV URNs as web URIs, GS1 keys as Digital Links."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(repr(value))
    text = str(value).strip()
    if urn := _CBV_URN.fullmatch(text):
        return CBV + _CBV_URN_NAME[urn[1]] + urn[2]
    prefix, colon, rest = text.partition(":")
    if colon and prefix in ("gs1", "cbv", "epcis") and not rest.startswith("//"):
        return WELL_KNOWN[prefix] + rest
    if _NUMBER.fullmatch(text):
        return _number(text)
    return canonical_or_same(text)


def _number(text: str) -> str:
    number = Decimal(text)
    plain = format(number, "f") if number else "0"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _term(base: str) -> Callable[[Any], str]:
    """A bare word of a standard vocabulary becomes its web URI."""

    def write(value: Any) -> str:
        return base + value if isinstance(value, str) and _BARE.fullmatch(value) else scalar(value)

    return write


def _leaf(of: Callable[[Any], str] = scalar) -> Callable[[str, Any], str]:
    return lambda key, value: f"{key}={of(value)}" if value != "" else ""


def _named(name: str, content: str) -> str:
    """A parent element stands only where something stands in it."""
    return name + content if content else ""


def _listed(item: Callable[[Any], str]) -> Callable[[str, Any], str]:
    return lambda key, value: _named(key, "".join(sorted(item(each) for each in value)))


def _epcs(each: Any) -> str:
    return f"epc={scalar(each)}"


def _quantity(each: Any) -> str:
    keys = ("epcClass", "quantity", "uom")
    return "quantityElement" + "".join(f"{key}={scalar(each[key])}" for key in keys if each.get(key) is not None)


def _typed(name: str, vocabulary: str) -> Callable[[Any], str]:
    of = _term(vocabulary)

    def item(each: Any) -> str:
        kind = f"type={of(each['type'])}" if each.get("type") is not None else ""
        return kind + f"{name}={scalar(each[name])}"

    return item


def _persistent(key: str, value: Any) -> str:
    of = _term(CBV + "Disp-")
    return _named(
        key,
        "".join(word for name in ("set", "unset") for word in sorted(f"{name}={of(v)}" for v in value.get(name, []))),
    )


def _place(key: str, value: Any) -> str:
    return _named(key, f"id={scalar(value['id'])}" if value.get("id") else "")


_REPORT_TERMS = {
    "type": _term(VOC),
    "exception": _term(VOC + "SensorAlertType-"),
    "component": _term(CBV + "Comp-"),
}


def _fields(order: tuple[str, ...], fields: Mapping[str, Any], terms: Mapping[str, Callable[[Any], str]]) -> str:
    written = []
    for key in order:
        if (value := fields.get(key)) is not None:
            of = utc_milliseconds if key in TIMES else terms.get(key, scalar)
            written.append(f"{key}={of(value)}")
    return "".join(written)


def _sensors(_key: str, value: Any) -> str:
    return "".join(sorted(_sensor(each) for each in value))


def _sensor(each: Any) -> str:
    metadata = _named("sensorMetadata", _fields(_METADATA, each.get("sensorMetadata") or {}, {}))
    reports = sorted(
        _named("sensorReport", _fields(_REPORT, report, _REPORT_TERMS)) for report in each.get("sensorReport") or []
    )
    return _named("sensorElement", metadata + "".join(reports))


def _sensor_extensions(elements: list[Any], names: Namespaces) -> str:
    written = []
    for each in elements:
        metadata = _extensions(each.get("sensorMetadata") or {}, names, leave=_METADATA)
        reports = sorted(
            _named("sensorReport", _extensions(report, names, leave=_REPORT))
            for report in each.get("sensorReport") or []
        )
        rest = _extensions(each, names, leave=("sensorMetadata", "sensorReport"))
        written.append(_named("sensorElement", _named("sensorMetadata", metadata) + "".join(reports) + rest))
    return "".join(sorted(written))


def _extensions(fields: Mapping[str, Any], names: Namespaces, leave: Container[str] = ()) -> str:
    """Keys outside the standard, `{namespace}local=value`, sorted; a list repeats its key."""
    written = [
        text
        for key, value in fields.items()
        if key not in leave and key not in _COMMENTS
        for text in _extension(_qualified(key, names), value, names)
    ]
    return "".join(sorted(written))


def _extension(name: str, value: Any, names: Namespaces) -> list[str]:
    if isinstance(value, list):
        return [text for each in value for text in _extension(name, each, names)]
    if isinstance(value, dict):
        return [name + _extensions(value, names)]
    if value is None:
        return [name]
    return [_leaf()(name, value) or name]


def _qualified(key: str, names: Namespaces) -> str:
    prefix, colon, local = key.partition(":")
    return f"{{{names[prefix]}}}{local}" if colon and prefix in names else key


_ORDER: tuple[tuple[str, Callable[[str, Any], str]], ...] = (
    ("eventTime", _leaf(utc_milliseconds)),
    ("eventTimeZoneOffset", _leaf(str)),
    ("epcList", _listed(_epcs)),
    ("parentID", _leaf()),
    ("inputEPCList", _listed(_epcs)),
    ("childEPCs", _listed(_epcs)),
    ("quantityList", _listed(_quantity)),
    ("childQuantityList", _listed(_quantity)),
    ("inputQuantityList", _listed(_quantity)),
    ("outputEPCList", _listed(_epcs)),
    ("outputQuantityList", _listed(_quantity)),
    ("action", _leaf(str)),
    ("transformationID", _leaf()),
    ("bizStep", _leaf(_term(CBV + "BizStep-"))),
    ("disposition", _leaf(_term(CBV + "Disp-"))),
    ("persistentDisposition", _persistent),
    ("readPoint", _place),
    ("bizLocation", _place),
    ("bizTransactionList", _listed(_typed("bizTransaction", CBV + "BTT-"))),
    ("sourceList", _listed(_typed("source", CBV + "SDT-"))),
    ("destinationList", _listed(_typed("destination", CBV + "SDT-"))),
    ("sensorElementList", _sensors),
)
_STANDARD = frozenset({key for key, _ in _ORDER} | _IGNORED | {"ilmd"})
