"""Documents and events that cost more than they are worth: the limit is told, and a bad event costs no more than its
size. The places told are held against those that a plain reading of the event gives."""

import time
import tracemalloc
from typing import Any

import orjson
import pytest

from services.traceability.epcis import validation, windows
from services.traceability.epcis.bounds import Limits
from services.traceability.epcis.errors import EpcisError
from tests.support.app import Harness
from tests.traceability import chain, food

EVENT = {
    "@context": [chain.CONTEXT],
    "type": "ObjectEvent",
    "action": "ADD",
    "eventTime": "2026-09-01T08:00:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "bizStep": "commissioning",
    "epcList": ["https://id.gs1.org/01/09521101530018/21/1"],
}
N = 3_000
REPORT = {"type": "Temperature", "value": 3.5, "uom": "CEL"}
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "fields": ({f"k{n}": n for n in range(N)}, [f"/k{n}" for n in range(N)]),
    "ilmd": ({"ilmd": {f"k{n}": n for n in range(N)}}, [f"/ilmd/k{n}" for n in range(N)]),
    "report": (
        {"sensorElementList": [{"sensorReport": [REPORT | {f"k{n}": n for n in range(N)}]}]},
        [f"/sensorElementList/0/sensorReport/0/k{n}" for n in range(N)],
    ),
    "serials": ({"epcList": [f"bad {n}" for n in range(N)]}, [f"/epcList/{n}" for n in range(N)]),
    "quantities": (
        {"quantityList": [{"epcClass": "https://id.gs1.org/01/09521101530018/10/A", "x": n} for n in range(N)]},
        [f"/quantityList/{n}/x" for n in range(N)],
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_thousands_of_errors_cost_little_and_stand_where_they_are(kind: str) -> None:
    wrong, places = BAD[kind]
    data = orjson.dumps(EVENT | wrong)
    validation.single(validation.load(orjson.dumps(EVENT)))  # the schema is compiled
    tracemalloc.start()
    began = time.thread_time()
    found = validation.single(validation.load(data))
    spent, (_, peak) = time.thread_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [error.pointer for error in found.errors if error.pointer][:50] == places[:50]
    assert spent < 5, "it was minutes"
    assert peak < 64 * 2**20, "it was gigabytes"
    problem = validation_problem(found.errors)
    assert len(problem["errors"]) == 50
    assert problem["more_errors"] >= 100


def validation_problem(errors: list[Any]) -> dict[str, Any]:
    from services.traceability.epcis.errors import invalid

    return invalid(errors).to_problem("en")


@pytest.mark.parametrize("place", [0, 49, 50, 51, 1_234, 2_999])
def test_one_bad_place_among_thousands_is_found(place: int) -> None:
    reports = [dict(REPORT) for _ in range(N)]
    reports[place]["odd"] = 1
    event = EVENT | {"sensorElementList": [{"sensorReport": [dict(REPORT)]}, {"sensorReport": reports}]}
    found = validation.single(validation.load(orjson.dumps(event)))
    assert [e.pointer for e in found.errors] == [f"/sensorElementList/1/sensorReport/{place}/odd"]
    elements = [{"sensorReport": [dict(REPORT), dict(REPORT)]} for _ in range(N)]
    elements[place]["sensorReport"][1]["value"] = "warm"
    event = EVENT | {"sensorElementList": elements}
    found = validation.single(validation.load(orjson.dumps(event)))
    assert [e.pointer for e in found.errors] == [f"/sensorElementList/{place}/sensorReport/1/value"]
    fields = {f"urn:x:{n}": n for n in range(N)}
    event = EVENT | {"ilmd": {**dict(list(fields.items())[:place]), "odd": 1, **dict(list(fields.items())[place:])}}
    found = validation.single(validation.load(orjson.dumps(event)))
    assert [e.pointer for e in found.errors] == ["/ilmd/odd"]


def test_pieces_hold_everything_once_and_know_where_it_stood() -> None:
    value = {"known": list(range(130)), "a": {f"x{n}": n for n in range(120)}, "b": [[1] * 3, [{"known": [7, 8]}] * 70]}
    seen = set()
    for window in windows.windows(value, {"known", "a", "b"}):
        assert windows.count(window.value, 10**6) < 300
        for pointer, leaf in leaves(window.value):
            placed = window.place(pointer)
            assert at(value, placed) == leaf, (pointer, placed)
            seen.add(placed)
    assert seen == {pointer for pointer, _ in leaves(value)}


def leaves(value: Any, pointer: str = "") -> list[tuple[str, Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, part in parts for leaf in leaves(part, f"{pointer}/{key}")]
    return found or ([] if isinstance(value, dict | list) else [(pointer, value)])


def at(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


def test_objects_and_values_of_an_event_and_of_a_document() -> None:
    limits = Limits(document_values=5_000, event_values=1_000, event_objects=100)
    serials = [f"https://id.gs1.org/01/09521101530018/21/{n}" for n in range(101)]
    assert not validation.single(EVENT | {"epcList": serials[:100]}, limits).errors
    (error,) = validation.single(EVENT | {"epcList": serials}, limits).errors
    assert (error.code, "100" in error.en, "101" in error.en) == ("epcis.too_many_objects", True, True)
    lots = [{"epcClass": "https://id.gs1.org/01/09521101530018/10/A"}]
    (error,) = validation.single(EVENT | {"epcList": serials[:100], "quantityList": lots}, limits).errors
    assert error.code == "epcis.too_many_objects", "lists count together"
    (error,) = validation.single(EVENT | {"example:x": [1] * 1_000}, limits).errors
    assert (error.code, "1000" in error.en) == ("epcis.event_too_large", True)
    with pytest.raises(EpcisError) as refused:
        validation.load(b"[" + b"1," * 5_000 + b"1]", limits.document_values)
    assert (refused.value.status, refused.value.extra["limit"]) == (413, 5_000)
    with pytest.raises(EpcisError) as refused:
        validation.load(b"[" * 65 + b"]" * 65)
    assert (refused.value.status, refused.value.extra["limit"]) == (400, 64)


def test_of_many_bad_events_each_is_named_and_the_first_are_explained() -> None:
    bad = {name: value for name, value in EVENT.items() if name != "@context"} | {f"k{n}": n for n in range(60)}
    good = {name: value for name, value in EVENT.items() if name != "@context"}
    document = chain.document(*[bad] * 30, good, {**good, "eventTime": "never"})
    found = validation.candidates(orjson.loads(orjson.dumps(document)))
    assert [len(each.errors) for each in found] == [60] * 17 + [1] * 13 + [0, 1]
    assert {error.pointer for error in found[16].errors} == {f"/epcisBody/eventList/16/k{n}" for n in range(60)}
    assert found[29].errors[0].pointer == "/epcisBody/eventList/29"
    assert found[31].errors[0].pointer == "/epcisBody/eventList/31", "behind the budget it is not explained"


async def test_over_the_api(on_sqlite: Harness) -> None:
    """39 kB with 3,000 unknown fields: the event is refused, the document's job ends, others are captured."""
    await food.register(on_sqlite)
    wrong = EVENT | BAD["fields"][0]
    answer = await on_sqlite.post("/epcis/events", json=wrong, as_=food.coop)
    problem = answer.json()
    assert (answer.status_code, len(problem["errors"])) == (400, 50)
    assert len(answer.content) < 20_000
    wrong.pop("@context")
    job = await on_sqlite.post("/epcis/capture", json=chain.document(wrong, wrong), as_=food.coop)
    assert job.status_code == 202
    told: dict[str, Any] = {"running": True}
    while told["running"]:
        told = (await on_sqlite.get(job.headers["location"], as_=food.coop)).json()
    assert [len(each["errors"]) for each in told["errors"]] == [50, 50]
    many = EVENT | {"epcList": [f"https://id.gs1.org/01/09521101530018/21/{n}" for n in range(5_001)]}
    answer = await on_sqlite.post("/epcis/events", json=many, as_=food.coop)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "epcis.too_many_objects")
    assert "5000" in answer.json()["errors"][0]["detail"]
