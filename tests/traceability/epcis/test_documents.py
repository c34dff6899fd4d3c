"""Documents written by others: the official GS1 examples and OpenEPCIS's, valid and invalid, captured over HTTP."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from services.traceability.epcis import validation
from services.traceability.epcis.prepare import Prepared, prepare
from tests.support.app import Harness
from tests.support.reference import ROOT, reference
from tests.traceability import chain
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


def prepared(body: dict[str, Any]) -> list[Prepared]:
    assert validation.envelope_errors(body) == []
    candidates = validation.candidates(body)
    assert [error for candidate in candidates for error in candidate.errors] == []
    return prepare(candidates)


def comes_back_the_same(body: dict[str, Any]) -> None:
    """The stored form is valid EPCIS, and captured again it is the same event."""
    events = prepared(body)
    given = [event.row["body"] for event in events]
    again = prepared(body | {"@context": [validation.STANDARD_CONTEXT], "epcisBody": {"eventList": given}})
    assert [event.hash_id for event in again] == [event.hash_id for event in events]
    assert [event.row["body"] for event in again] == given


@pytest.mark.parametrize("name", [name for name in names(GS1, "*.jsonld") if name != "EPCISQueryDocument.jsonld"])
def test_official_examples(name: str) -> None:
    comes_back_the_same(read(GS1, name))


@pytest.mark.parametrize("name", [name for name in names(VALID, "*.json") if name not in NOT_THE_STANDARD])
def test_valid_documents(name: str) -> None:
    comes_back_the_same(read(VALID, name))


async def test_every_document_is_captured(traceability: Harness) -> None:
    """All of them one after another in one repository: equal events of different documents are stored once."""
    total = 0
    for folder, pattern in ((GS1, "*.jsonld"), (VALID, "*.json")):
        for name in names(folder, pattern):
            body = read(folder, name)
            if body["type"] == "EPCISDocument" and name not in NOT_THE_STANDARD:
                job = await capture(traceability, body, behaviour="proceed")
                refused = {each["type"] for each in job["errors"]}
                # Some examples use the eventID of another example for another event.
                assert refused <= {"epcisException:ResourceAlreadyExistsException"}, (name, job["errors"])
                events = len(body["epcisBody"]["eventList"])
                assert job["stored"] + len(job["duplicates"]) + len(job["errors"]) == events, name
                total += job["stored"]
    assert traceability.rows("SELECT count(*) FROM epcis_event") == [(total,)]
    assert total > 60
    found = (await traceability.get("/epcis/events?perPage=1000", as_=DEPARTMENT)).json()
    assert validation.schema_errors(found) == []
    assert len(found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == total


async def test_invalid_documents_are_refused(on_sqlite: Harness) -> None:
    """In the answer where the envelope is wrong, in the job where an event is; always with the place."""
    refused = [*((INVALID, name) for name in names(INVALID, "*.json")), *((VALID, name) for name in NOT_THE_STANDARD)]
    for folder, name in refused:
        answer = await on_sqlite.post("/epcis/capture", json=read(folder, name), as_=DEPARTMENT)
        if answer.status_code == 400:
            errors = [answer.json()]
        else:
            job = await chain.job(on_sqlite, answer.headers["location"])
            assert (job["success"], job["stored"]) == (False, 0), name
            errors = job["errors"]
        assert {each["type"] for each in errors} == {"epcisException:ValidationException"}, name
        places = [error["pointer"] for each in errors for error in each["errors"]]
        assert places, name
        assert all(place.startswith("/") for place in places), name
    assert on_sqlite.rows("SELECT count(*) FROM epcis_event") == [(0,)]


async def test_single_events(on_sqlite: Harness) -> None:
    for name in names(SINGLE, "*.json"):
        answer = await on_sqlite.post("/epcis/events", json=read(SINGLE, name), as_=DEPARTMENT)
        assert answer.status_code == 201, (name, answer.text)


def test_all_of_them_are_there() -> None:
    reference(f"vectors/epcis/{INVALID}")
    folders = ((GS1, "*.jsonld"), (VALID, "*.json"), (INVALID, "*.json"))
    assert [len(names(folder, pattern)) for folder, pattern in folders] == [47, 38, 15]
