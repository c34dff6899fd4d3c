"""Event hash ids against the expected values of the algorithm's authors.

Events, pre-hash strings and hashes marked R are those of github.com/RalphTro/epcis-event-hash-generator
(`tests/examples`, `expected/CBV2.0`, MIT), rewritten here as test data.
"""

import hashlib
import json
from typing import Any

import pytest

from services.traceability.epcis.eventhash import event_hash, prehash, scalar, utc_milliseconds
from tests.support.reference import reference

EXAMPLE = {"example": "https://ns.example.com/epcis/"}

REFERENCE_3: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2020-03-04T11:00:30+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:0614141.011111.987"],
    "action": "OBSERVE",
    "bizStep": "departing",
    "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0", "example:myField1": "AB-12"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00000"}],
    "example:userExt": "CD-34",
}


def test_reference_event_3() -> None:
    """R: extension in readPoint, typed lists; the published hash."""
    assert prehash(REFERENCE_3, EXAMPLE) == (
        "eventType=ObjectEventeventTime=2020-03-04T10:00:30.000ZeventTimeZoneOffset=+01:00"
        "epcListepc=https://id.gs1.org/01/00614141111114/21/987action=OBSERVE"
        "bizStep=https://ref.gs1.org/cbv/BizStep-departingdisposition=https://ref.gs1.org/cbv/Disp-in_transit"
        "readPointid=https://id.gs1.org/414/4012345000115"
        "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-pobizTransaction=https://id.gs1.org/253/4012345111118123"
        "sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/4012345000009"
        "destinationListtype=https://ref.gs1.org/cbv/SDT-owning_partydestination=https://id.gs1.org/417/0614141000005"
        "readPoint{https://ns.example.com/epcis/}myField1=AB-12{https://ns.example.com/epcis/}userExt=CD-34"
    )
    assert event_hash(REFERENCE_3, EXAMPLE) == (
        "ni:///sha-256;3ae14c02c4bdc220cc31942cf804f6845eb8dec96ba6483391c92a9b165f9329?ver=CBV2.0"
    )


def test_reference_event_1() -> None:
    """R: sorted list, recordTime left out, nested and repeated extensions."""
    event = {
        "type": "ObjectEvent",
        "eventTime": "2020-03-04T11:00:30.000+01:00",
        "eventTimeZoneOffset": "+01:00",
        "recordTime": "2020-03-04T11:00:30.999+01:00",
        "epcList": [f"urn:epc:id:sscc:4012345.0000000{n}" for n in (333, 111, 222)],
        "action": "OBSERVE",
        "bizStep": "departing",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.987"},
        "example:myField1": {"example:mySubField1": "2", "example:mySubField2": "5"},
        "example:myField2": "0",
        "example:myField3": {"example:mySubField3": ["3", "1"]},
    }
    ns = "{https://ns.example.com/epcis/}"
    assert prehash(event, EXAMPLE) == (
        "eventType=ObjectEventeventTime=2020-03-04T10:00:30.000ZeventTimeZoneOffset=+01:00"
        "epcListepc=https://id.gs1.org/00/040123450000001112epc=https://id.gs1.org/00/040123450000002225"
        "epc=https://id.gs1.org/00/040123450000003338action=OBSERVE"
        "bizStep=https://ref.gs1.org/cbv/BizStep-departingreadPointid=https://id.gs1.org/414/4012345000115/254/987"
        f"{ns}myField1{ns}mySubField1=2{ns}mySubField2=5{ns}myField2=0{ns}myField3{ns}mySubField3=1{ns}mySubField3=3"
    )


def test_reference_event_2() -> None:
    """R: sensor metadata and reports, numbers."""
    substance = "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N"
    organism = "https://www.ncbi.nlm.nih.gov/taxonomy/1126011"
    event = {
        "type": "ObjectEvent",
        "eventTime": "2020-04-01T15:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
        "action": "OBSERVE",
        "bizStep": "inspecting",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
        "sensorElementList": [
            {
                "sensorMetadata": {
                    "deviceID": "urn:epc:id:giai:4000001.111",
                    "deviceMetadata": "https://id.gs1.org/8004/4000001111",
                },
                "sensorReport": [
                    {"type": "Temperature", "value": 26, "sDev": 0.1, "uom": "CEL"},
                    {"type": "AbsoluteHumidity", "value": 12.1, "uom": "A93"},
                    {"type": "Dimensionless", "microorganism": organism, "value": 0.05, "uom": "C35"},
                    {"type": "Dimensionless", "chemicalSubstance": substance, "value": 0.18, "uom": "C35"},
                ],
            }
        ],
    }
    voc = "https://ref.gs1.org/voc/"
    assert prehash(event, {}) == (
        "eventType=ObjectEventeventTime=2020-04-01T14:00:00.000ZeventTimeZoneOffset=+01:00"
        "epcListepc=https://id.gs1.org/01/04012345111118/21/9876action=OBSERVE"
        "bizStep=https://ref.gs1.org/cbv/BizStep-inspectingreadPointid=https://id.gs1.org/414/4012345000054"
        "sensorElementsensorMetadatadeviceID=https://id.gs1.org/8004/4000001111"
        "deviceMetadata=https://id.gs1.org/8004/4000001111"
        f"sensorReporttype={voc}AbsoluteHumidityvalue=12.1uom=A93"
        f"sensorReporttype={voc}DimensionlesschemicalSubstance={substance}value=0.18uom=C35"
        f"sensorReporttype={voc}Dimensionlessmicroorganism={organism}value=0.05uom=C35"
        f"sensorReporttype={voc}Temperaturevalue=26sDev=0.1uom=CEL"
    )


def test_every_gs1_key() -> None:
    """R (`epcisDocWithAllGS1Keys`): each EPC scheme and class pattern as its constrained Digital Link."""
    path = reference("vectors/epcis/openepcis/2.0/EPCIS/JSON/Capture/Documents/epcisDocWithAllGS1Keys.json")
    event = json.loads(path.read_bytes())["epcisBody"]["eventList"][0]
    links = [
        *("00/040123450000003338", "01/04012345123456/21/12", "01/04012345123456/235/AB12", "253/401234555555498"),
        *("255/401234599999044", "401/4012345333", "402/40123459999876541", "8003/0401234566666387"),
        *("8004/4012345AAbb", "8006/040123451234560102/21/999", "8010/4012345ABC/8011/123"),
        *("8017/401234500000987658", "8018/401234598765400000"),
    ]
    text = prehash(event, {})
    assert [link for link in links if f"epc=https://id.gs1.org/{link}" not in text] == []
    classes = ["01/04054739999148", "01/04054739999148/10/20160711", "253/4012345555554", "8006/040123451234560102"]
    assert [link for link in classes if f"epcClass=https://id.gs1.org/{link}" not in text] == []


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("ObjectEvent_all_possible_fields", "9811bfb2672e9c3a0f6151be339d22b60db375c8b23d2740f6137cc6539f0639"),
        ("TransformationEvent_all_possible_fields", "529cc54b8cf9d8664208cc6c77473274d8c2dd473469920a7d09a814623f52cc"),
    ],
)
def test_documents_with_every_field(name: str, digest: str) -> None:
    """R: every field of the standard, ILMD and extensions at every level; the published hashes."""
    document = json.loads(
        reference(f"vectors/epcis/openepcis/2.0/EPCIS/JSON/Capture/Documents/{name}.json").read_bytes()
    )
    prefixes = {k: v for entry in document["@context"] if isinstance(entry, dict) for k, v in entry.items()}
    [event] = document["epcisBody"]["eventList"]
    assert event_hash(event, prefixes) == f"ni:///sha-256;{digest}?ver=CBV2.0"


def test_spelling_does_not_change_the_hash() -> None:
    other = dict(reversed(REFERENCE_3.items())) | {
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "eventTime": "2020-03-04T10:00:30.000Z",
        "epcList": ["https://brand.example.com/shop/01/614141111114/21/987?11=260901".replace("/614", "/00614")],
        "bizStep": "https://ref.gs1.org/cbv/BizStep-departing",
        "errorDeclaration": {"declarationTime": "2020-03-05T10:00:30Z"},
    }
    assert event_hash(other, EXAMPLE) == event_hash(REFERENCE_3, EXAMPLE)


@pytest.mark.parametrize(
    "change",
    [
        {"eventTime": "2020-03-04T11:00:30.001+01:00"},
        {"disposition": "in_progress"},
        {"example:userExt": "CD-35"},
        {"epcList": ["urn:epc:id:sgtin:0614141.011111.988"]},
        {"quantityList": [{"epcClass": "https://id.gs1.org/01/00614141111114/10/A"}]},
    ],
)
def test_a_change_changes_the_hash(change: dict[str, Any]) -> None:
    assert event_hash(REFERENCE_3 | change, EXAMPLE) != event_hash(REFERENCE_3, EXAMPLE)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), ("23.0", "23"), ("007", "7"), (0.3434, "0.3434"), (-0.0, "0"), (1e-7, "0.0000001"), (True, "true")],
)
def test_leaves(value: Any, text: str) -> None:
    assert scalar(value) == text


def test_times_are_cut_to_milliseconds() -> None:
    assert utc_milliseconds("2005-04-03T20:33:31.1169-06:00") == "2005-04-04T02:33:31.116Z"


def test_the_hash_is_the_sha256_of_the_prehash() -> None:
    digest = hashlib.sha256(prehash(REFERENCE_3, EXAMPLE).encode()).hexdigest()
    assert event_hash(REFERENCE_3, EXAMPLE) == f"ni:///sha-256;{digest}?ver=CBV2.0"
