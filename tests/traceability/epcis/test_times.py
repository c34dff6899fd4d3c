"""Times of an event that no calendar has, and names that are the platform's own: 400 with the place, and what stands
beside in the document is stored."""

from typing import Any

import pytest

from tests.support.app import Harness
from tests.traceability import chain
from tests.traceability.chain import BOX, PACKER, amount, of, sscc

WRONG = (
    *("2026-11-01T23:59:60Z", "2026-02-29T10:00:00Z", "2026-11-01T24:00:01Z"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31T23:59:59Z"),
)


def seen(**fields: Any) -> dict[str, Any]:
    return chain.event(
        "ObjectEvent", 4, 2, "inspecting", action="OBSERVE", quantityList=[amount(BOX, "T1", 1, None)], **fields
    )


def measured(place: str, text: str) -> dict[str, Any]:
    """With one time of its sensors set."""
    report: dict[str, Any] = {"type": "Temperature", "value": 4, "uom": "CEL"}
    metadata: dict[str, Any] = {}
    (report if place.startswith("sensorReport") else metadata)[place.rpartition("/")[2]] = text
    return seen(sensorElementList=[{"sensorMetadata": metadata, "sensorReport": [report]}])


PLACES = ("sensorReport/0/time", "sensorMetadata/time", "sensorMetadata/startTime", "sensorMetadata/endTime")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", WRONG)
async def test_a_time_of_a_sensor_that_is_none(on_sqlite: Harness, place: str, text: str) -> None:
    await chain.register(on_sqlite)
    body = {"@context": chain.CONTEXT, **measured(place, text)}
    answer = await on_sqlite.post("/epcis/events", json=body, as_=of(PACKER))
    assert answer.status_code == 400, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/sensorElementList/0/{place}"]


@pytest.mark.parametrize("text", ["2026-11-01t23:59:58z", "2026-11-01T23:59:58.1234567890123Z", "2026-11-01T23:59Z"])
async def test_other_ways_to_write_a_time(on_sqlite: Harness, text: str) -> None:
    """Taken, or refused with the place; small letters are RFC 3339's too."""
    await chain.register(on_sqlite)
    for body in (*(measured(place, text) for place in PLACES), seen() | {"eventTime": text}):
        answer = await on_sqlite.post("/epcis/events", json={"@context": chain.CONTEXT, **body}, as_=of(PACKER))
        assert answer.status_code in (201, 400), answer.text
        assert answer.status_code == 201 or answer.json()["errors"][0]["pointer"].startswith(("/event", "/sensor"))
        if text.endswith("z"):
            assert answer.status_code == 201, answer.text


async def test_what_stands_beside_it_is_stored(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    document = chain.document(seen(), measured("sensorMetadata/time", WRONG[0]), seen(disposition="in_progress"))
    headers = {"GS1-Capture-Error-Behaviour": "proceed"}
    answer = await on_sqlite.post("/epcis/capture", json=document, headers=headers, as_=of(PACKER))
    job = await chain.job(on_sqlite, answer.headers["location"], of(PACKER))
    assert (job["stored"], [error["event"] for error in job["errors"]]) == (2, ["/epcisBody/eventList/1"])


OWN = ("made:91370686MADEM0A15K:https://id.gs1.org/8010/1", "made:x", "01a230c6-4c7c-7814-a202-425c5f3d8f27")
"""As the node is written in which what one transformationID made meets, and as the record of an event."""


GOODS = [amount(BOX, "T2", 1, None)]


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(
    "fields",
    [
        lambda name: (
            "TransformationEvent",
            {"inputEPCList": [name], "outputQuantityList": GOODS},
        ),
        lambda name: (
            "TransformationEvent",
            {"inputQuantityList": GOODS, "outputEPCList": [name]},
        ),
        lambda name: ("AggregationEvent", {"action": "ADD", "parentID": name, "childEPCs": [sscc(1)]}),
        lambda name: ("AggregationEvent", {"action": "ADD", "parentID": sscc(1), "childEPCs": [name]}),
        lambda name: ("ObjectEvent", {"action": "OBSERVE", "epcList": [name]}),
        lambda name: ("ObjectEvent", {"action": "OBSERVE", "quantityList": [{"epcClass": name, "quantity": 1}]}),
    ],
    ids=["input", "output", "parent", "child", "object", "class"],
)
async def test_a_name_of_the_platforms_own_is_no_object(on_sqlite: Harness, name: str, fields: Any) -> None:
    """Who could name it would join in what others made, and have it recalled with goods of his own."""
    await chain.register(on_sqlite)
    kind, more = fields(name)
    body = {"@context": chain.CONTEXT, **chain.event(kind, 4, 2, "packing", **more)}
    answer = await on_sqlite.post("/epcis/events", json=body, as_=of(PACKER))
    assert answer.status_code == 400, answer.text
    assert on_sqlite.rows("SELECT count(*) FROM epcis_event") == [(0,)]
