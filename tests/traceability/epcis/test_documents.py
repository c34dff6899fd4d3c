"""Documents written by others: the official GS1 examples and OpenEPCIS's, valid and invalid, captured over HTTP."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from services.traceability.epcis import validation
from tests.support.app import Harness
from tests.support.reference import ROOT, reference
from tests.traceability.chain import DEPARTMENT, capture

NOT_THE_STANDARD = {
    "SensorData_with_combined_events.json": "Molar_concentration and EffectiveDoseRate are no GS1 measurement types, "
    "and two sensor reports have no type",
    "TransactionEvent_with_userExtensions.json": "EffectiveDoseRate is no GS1 measurement type",
}
"""Documents that OpenEPCIS calls valid and the ratified schema refuses."""


def names(folder: str, pattern: str) -> list[str]:
    """Paths of documents for parametrization; one that is always there, and skips, where the folder is absent."""
    home = ROOT.parent / "shared" / "vectors" / "epcis" / folder
    return sorted(str(path.relative_to(home)) for path in home.rglob(pattern)) or ["absent"]


GS1 = "gs1/JSON"
VALID = "openepcis/2.0/EPCIS/JSON/Capture/Documents"
INVALID = "openepcis/2.0/EPCIS/JSON/Capture/Invalid"
SINGLE = "openepcis/2.0/EPCIS/JSON/Capture/Events"


def read(folder: str, name: str) -> dict[str, Any]:
    path: Path = reference(f"vectors/epcis/{folder}") / name
    body: dict[str, Any] = orjson.loads(path.read_bytes())
    return body


async def _captured_and_found_again(harness: Harness, body: dict[str, Any]) -> None:
    job = await capture(harness, body)
    assert (job["success"], job["errors"]) == (True, [])
    assert job["stored"] + len(job["duplicates"]) == len(body["epcisBody"]["eventList"])
    found = (await harness.get("/epcis/events", as_=DEPARTMENT)).json()
    assert validation.schema_errors(found) == []
    assert len(found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == job["stored"]
    again = await capture(harness, found_as_document(found))
    assert (again["success"], again["stored"]) == (True, 0), "what is given out is the same event when it comes back"


def found_as_document(found: dict[str, Any]) -> dict[str, Any]:
    events = found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return {
        "@context": found["@context"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": found["creationDate"],
        "epcisBody": {"eventList": events},
    }


@pytest.mark.parametrize("name", [name for name in names(GS1, "*.jsonld") if name != "EPCISQueryDocument.jsonld"])
async def test_official_examples(on_sqlite: Harness, name: str) -> None:
    await _captured_and_found_again(on_sqlite, read(GS1, name))


@pytest.mark.parametrize("name", [name for name in names(VALID, "*.json") if name not in NOT_THE_STANDARD])
async def test_valid_documents(on_sqlite: Harness, name: str) -> None:
    await _captured_and_found_again(on_sqlite, read(VALID, name))


@pytest.mark.parametrize("name", sorted(NOT_THE_STANDARD))
async def test_documents_outside_of_the_standard_are_refused(on_sqlite: Harness, name: str) -> None:
    job = await capture(on_sqlite, read(VALID, name))
    assert (job["success"], job["stored"]) == (False, 0)
    assert {error["code"] for each in job["errors"] for error in each["errors"]} <= {
        "epcis.vocabulary",
        "epcis.missing",
    }


async def test_every_document_of_the_set_on_both_databases(traceability: Harness) -> None:
    """All of them one after another in one repository: equal events of different documents are stored once."""
    total = 0
    for folder, pattern in ((GS1, "*.jsonld"), (VALID, "*.json")):
        for name in names(folder, pattern):
            body = read(folder, name)
            if body["type"] == "EPCISDocument" and name not in NOT_THE_STANDARD:
                job = await capture(traceability, body, behaviour="proceed")
                total += job["stored"]
                refused = {each["type"] for each in job["errors"]}
                # Some examples use the eventID of another example for another event.
                assert refused <= {"epcisException:ResourceAlreadyExistsException"}, (name, job["errors"])
    assert traceability.rows("SELECT count(*) FROM epcis_event") == [(total,)]
    assert total > 60


@pytest.mark.parametrize("name", names(SINGLE, "*.json"))
async def test_single_events(on_sqlite: Harness, name: str) -> None:
    answer = await on_sqlite.post("/epcis/events", json=read(SINGLE, name), as_=DEPARTMENT)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("name", names(INVALID, "*.json"))
async def test_invalid_documents_are_refused(on_sqlite: Harness, name: str) -> None:
    """In the answer where the envelope is wrong, in the job where an event is; always with the place."""
    answer = await on_sqlite.post("/epcis/capture", json=read(INVALID, name), as_=DEPARTMENT)
    if answer.status_code == 400:
        errors = [answer.json()]
    else:
        job = await capture(on_sqlite, read(INVALID, name))
        assert (job["success"], job["stored"]) == (False, 0)
        errors = job["errors"]
    assert {each["type"] for each in errors} == {"epcisException:ValidationException"}
    places = [error["pointer"] for each in errors for error in each["errors"]]
    assert places
    assert all(place.startswith("/") for place in places)
    assert on_sqlite.rows("SELECT count(*) FROM epcis_event") == [(0,)]


def test_all_fifteen_are_there() -> None:
    reference(f"vectors/epcis/{INVALID}")
    assert len(names(INVALID, "*.json")) == 15
