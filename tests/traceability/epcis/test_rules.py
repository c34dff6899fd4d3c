"""What the schema cannot say, the canonical form, identifiers; nothing but the declared errors for any input."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.traceability.epcis import rules, validation
from services.traceability.epcis.errors import EpcisError
from services.traceability.epcis.eventhash import event_hash
from services.traceability.epcis.identifiers import identify
from services.traceability.epcis.prepare import prepare
from shared.identifiers import IdentifierError
from tests.traceability import chain
from tests.traceability.chain import BOX, FRUIT, amount, event, sscc


def codes(body: dict[str, Any]) -> dict[str, str]:
    candidate = validation.single({"@context": chain.CONTEXT, **body})
    return {error.pointer: error.code for error in candidate.errors}


def with_first(name: str, **changes: Any) -> dict[str, Any]:
    """A harvest whose quantity element is changed."""
    body = chain.harvest("F1")
    body["quantityList"][0] = {k: v for k, v in (body["quantityList"][0] | changes).items() if v is not None}
    return body | {"disposition": name}


ILMD = {"cbvmda:lotNumber": "A"}
SENSOR = {"sensorMetadata": {"deviceID": "https://id.gs1.org/8004/1"}}
REPORT = {"type": "Temperature", "value": 4, "uom": "CEL", "deviceID": "https://id.gs1.org/8004/2"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            event("AggregationEvent", 1, 2, "packing", action="ADD", childEPCs=[sscc(2)]),
            {"/parentID": "epcis.parent_missing"},
        ),
        (
            event("AggregationEvent", 1, 2, "unpacking", action="DELETE", childEPCs=[sscc(2)]),
            {"/parentID": "epcis.parent_missing"},
        ),
        (event("AggregationEvent", 1, 2, "unpacking", action="DELETE", parentID=sscc(1)), {}),
        (
            event("AggregationEvent", 1, 2, "packing", action="ADD", parentID=sscc(1), childEPCs=[]),
            {"/childEPCs": "epcis.children_missing"},
        ),
        (
            event("TransformationEvent", 1, 2, "commissioning", inputQuantityList=[amount(FRUIT, "F1", 1)]),
            {"/outputQuantityList": "epcis.output_missing"},
        ),
        (
            event("ObjectEvent", 1, 2, "storing", action="OBSERVE", epcList=[sscc(1)], ilmd=ILMD),
            {"/ilmd": "epcis.ilmd_action"},
        ),
        (
            event(
                "ObjectEvent",
                1,
                2,
                "storing",
                action="OBSERVE",
                epcList=[sscc(1)],
                sensorElementList=[SENSOR | {"sensorReport": [REPORT]}],
            ),
            {"/sensorElementList/0/sensorReport/0/deviceID": "epcis.sensor_twice"},
        ),
        (with_first("active", quantity=-1), {"/quantityList/0/quantity": "epcis.quantity_range"}),
        (with_first("active", quantity=1e300), {"/quantityList/0/quantity": "epcis.quantity_range"}),
        (with_first("active", quantity=None), {"/quantityList/0/uom": "epcis.uom_alone"}),
        (
            with_first("active", epcClass=f"https://id.gs1.org/01/{FRUIT[:-1]}9/10/A"),
            {"/quantityList/0/epcClass": "gtin.check_digit"},
        ),
        (
            with_first("active", epcClass="urn:epc:class:lgtin:1.2.3"),
            {"/quantityList/0/epcClass": "urn.company_prefix"},
        ),
        (chain.harvest("F1") | {"eventTime": "2026-02-28T23:59:60Z"}, {"/eventTime": "epcis.time"}),
        (chain.harvest("F1") | {"eventTime": "0001-01-01T00:00:00+14:00"}, {"/eventTime": "epcis.time"}),
        (chain.harvest("F1") | {"eventTime": "9999-12-31T23:59:59-14:00"}, {"/eventTime": "epcis.time"}),
        (
            chain.harvest("F1") | {"readPoint": {"id": "urn:epc:id:sgln:69000000.1.0"}},
            {"/readPoint/id": "urn.components"},
        ),
    ],
)
def test_what_the_schema_cannot_say(body: dict[str, Any], expected: dict[str, str]) -> None:
    assert codes(body) == expected


@pytest.mark.parametrize(
    ("text", "uri", "node"),
    [
        (f"urn:epc:idpat:sgtin:{FRUIT[1:8]}.{FRUIT[0]}{FRUIT[8:13]}.*", f"/01/{FRUIT}", f"/01/{FRUIT}"),
        (f"https://shop.example.com/p/01/{FRUIT}/10/A%2F1?17=271231", f"/01/{FRUIT}/10/A%2F1", f"{FRUIT}.A/1"),
        (f"https://id.gs1.org/01/{FRUIT}/10/A/21/7", f"/01/{FRUIT}/21/7", f"{FRUIT}.A"),
        (f"https://id.gs1.org/gtin/{FRUIT[1:]}/lot/A", f"/01/{FRUIT}/10/A", f"{FRUIT}.A"),
        ("urn:epc:id:sgln:4012345.00011.0", "/414/4012345000115", "/414/4012345000115"),
        ("urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8", None, None),
        ("http://transaction.acme.com/po/12345678", None, None),
        ("urn:epc:id:bic:CSQU3054383", None, None),
        ("geo:47.5,11.1", None, None),
    ],
)
def test_identifiers(text: str, uri: str | None, node: str | None) -> None:
    found = identify(text)
    canonical = text if uri is None else "https://id.gs1.org" + uri
    assert found.uri == canonical
    assert found.node == (canonical if node is None or node.startswith("/") else node)
    assert identify(found.uri).uri == found.uri


@given(st.text(max_size=60) | st.from_regex(r"urn:epc:(id|class|idpat):[a-z]{3,5}:[0-9.*A-F%]{1,30}", fullmatch=True))
def test_any_text_is_an_identifier_or_a_declared_error(text: str) -> None:
    try:
        found = identify(text)
    except IdentifierError:
        return
    assert identify(found.uri).uri == found.uri


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_any_bytes_are_a_document_or_a_declared_error(data: bytes) -> None:
    try:
        value = validation.load(data)
    except EpcisError:
        return
    if not validation.envelope_errors(value):
        prepare(validation.candidates(value))
    assert validation.single(value).errors


FIELDS = st.sampled_from(
    [
        *chain.harvest("F1"),
        *chain.PACKING,
        "errorDeclaration",
        "sensorElementList",
        "ilmd",
        "sourceList",
        "eventID",
        "x:y",
    ]
)


@settings(max_examples=300)
@given(st.dictionaries(FIELDS, JSON, max_size=3), st.sampled_from([chain.harvest("F1"), chain.PACKING]))
def test_a_damaged_event_is_refused_or_stored(damage: dict[str, Any], body: dict[str, Any]) -> None:
    """Whatever stands in a field: either an error with a place, or an event that comes back the same."""
    candidate = validation.single({"@context": [chain.CONTEXT, {"x": "https://x.example/"}], **body, **damage})
    if candidate.errors:
        assert all(error.zh and error.en for error in candidate.errors)
        return
    [event] = prepare([candidate])
    again = validation.single({**event.row["body"], "@context": [chain.CONTEXT, {"x": "https://x.example/"}]})
    assert again.errors == []
    assert prepare([again])[0].hash_id == event.hash_id


def test_canonical_words() -> None:
    web = "https://ref.gs1.org/cbv/"
    assert [rules.bare(word) for word in (f"{web}BizStep-shipping", "cbv:Disp-sold", "urn:epcglobal:cbv:btt:po")] == [
        "shipping",
        "sold",
        "po",
    ]
    assert rules.bare("https://example.com/step/wax") == "https://example.com/step/wax"
    assert rules.bare(None) is None


def test_the_order_of_a_list_is_no_other_event() -> None:
    turned = chain.PACKING | {"outputQuantityList": chain.PACKING["outputQuantityList"][::-1]}
    assert event_hash(turned, {}) == event_hash(chain.PACKING, {})
    assert BOX in str(turned)


@pytest.mark.parametrize(
    "text",
    [
        "HTTPS://ID.GS1.ORG/01/09521101530018/10/QX1",
        "Http://id.gs1.org/01/09521101530018/10/QX1",
        "URN:EPC:ID:SGTIN:9521101.053001.A1",
    ],
)
def test_a_scheme_and_a_host_have_no_case(text: str) -> None:
    """A code in capitals (the compact form of a QR) is the same object, not another one (RFC 3986 section 6.2.2.1)."""
    assert identify(text).gtin == "09521101530018"
    assert identify(text) == identify(text[:18].lower() + text[18:])
