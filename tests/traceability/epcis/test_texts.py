"""Texts, namespaces and names of an event are bounded before the schema, the rules and the hash see them. What is
refused costs little, what is within the bounds is captured. Figures are CPU."""

import time
import tracemalloc
from typing import Any

import orjson
import pytest

from services.traceability.epcis import validation
from services.traceability.epcis.bounds import Limits, names_written
from services.traceability.epcis.errors import EpcisError, invalid
from services.traceability.epcis.eventhash import prehash
from services.traceability.epcis.identifiers import identify
from services.traceability.epcis.prepare import prepare
from tests.support.app import Harness
from tests.traceability import chain, food

NAMESPACE = {"ex": "https://ex.org/"}
EVENT = {
    "@context": [chain.CONTEXT, NAMESPACE],
    "type": "ObjectEvent",
    "action": "ADD",
    "eventTime": "2026-09-01T08:00:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "bizStep": "commissioning",
    "epcList": ["https://id.gs1.org/01/09521101530018/21/1"],
}
REPORT = {"type": "Temperature", "value": 3.5, "uom": "CEL"}


def judged(more: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = validation.single(validation.load(orjson.dumps(EVENT | more)))
    return [(error.pointer, error.code, error.en) for error in found.errors]


@pytest.mark.parametrize(
    ("pointer", "of", "most"),
    [
        ("/ex:a", lambda text: {"ex:a": text}, 65_536),
        ("/ex:a/0/value", lambda text: {"ex:a": [{"value": text}]}, 65_536),
        ("/ilmd/ex:b", lambda text: {"ilmd": {"ex:b": text}}, 65_536),
        (
            "/sensorElementList/0/sensorReport/0/stringValue",
            lambda text: {"sensorElementList": [{"sensorReport": [REPORT | {"stringValue": text}]}]},
            65_536,
        ),
        (
            "/bizTransactionList/0/bizTransaction",
            lambda text: {"bizTransactionList": [{"bizTransaction": "urn:x:" + text[6:]}]},
            4_000,
        ),
    ],
)
def test_a_text_at_its_limit_is_taken_and_one_more_is_named(pointer: str, of: Any, most: int) -> None:
    assert judged(of("x" * most)) == []
    [(place, code, words)] = judged(of("x" * (most + 1)))
    assert (place, code) == (pointer, "epcis.text_too_long")
    assert str(most) in words
    assert str(most + 1) in words


@pytest.mark.parametrize(
    "field", ["epcList", "bizStep", "eventID", "readPoint", "eventTime", "type", "ex:a", "parentID"]
)
def test_megabytes_in_a_field_cost_little(field: str) -> None:
    text = "x" * 4_000_000
    shaped: Any = {"epcList": [text], "readPoint": {"id": text}}.get(field, text)
    data = orjson.dumps(EVENT | {field: shaped})
    validation.single(validation.load(orjson.dumps(EVENT)))  # the schema is compiled
    began = time.process_time()
    value = validation.load(data)
    tracemalloc.start()
    found = validation.single(value)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    [error] = found.errors
    assert error.code == "epcis.text_too_long"
    assert error.pointer.startswith("/" + field)
    assert len(orjson.dumps(invalid(found.errors).to_problem("en"))) < 1_000
    assert spent < 1
    assert peak < 2**20, "no copy of it"


def test_a_long_name_is_told_by_its_limit() -> None:
    for data in (b'{"%s":1}' % (b"k" * 4_000_000), orjson.dumps(EVENT | {"ex:" + "k" * 198: 1})):
        with pytest.raises(EpcisError) as refused:
            validation.load(data)
        problem = refused.value.to_problem("en")
        assert (problem["status"], problem["limit"]) == (413, 200)
        assert len(orjson.dumps(problem)) < 1_000
    assert judged({"ex:" + "k" * 197: 1}) == []
    [(place, code, words)] = judged({"k" * 200: 1})
    assert (place, code) == ("/" + "k" * 200, "epcis.unknown_field")
    assert len(words) < 600


def contexts(*entries: Any) -> dict[str, Any]:
    return {"@context": [chain.CONTEXT, *entries]}


def test_namespaces_are_bounded_in_length_number_and_together() -> None:
    assert judged(contexts({"ex": "https://ex.org/" + "n" * 2_033}) | {"ex:a": 1}) == []
    [(place, code, words)] = judged(contexts({"ex": "https://ex.org/" + "n" * 2_034}) | {"ex:a": 1})
    assert (place, code, "2048" in words) == ("/@context", "epcis.namespace_too_long", True)
    # The standard's context and the list's other entry count too.
    assert judged(contexts({f"p{n}": "https://ex.org/" for n in range(98)})) == []
    [(place, code, words)] = judged(contexts({f"p{n}": "https://ex.org/" for n in range(99)}))
    assert (place, code, "100" in words) == ("/@context", "epcis.too_many_namespaces", True)
    [(place, code, words)] = judged(contexts({f"p{n}": "https://ex.org/" + "n" * 1_900 for n in range(9)}))
    assert (place, code, "16384" in words) == ("/@context", "epcis.context_too_long", True)
    [(_, code, _)] = judged(contexts("https://ex.org/" + "n" * 2_034))
    assert code == "epcis.namespace_too_long"
    [(_, code, _)] = judged(contexts({"ex": {"@id": "https://ex.org/" + "n" * 2_034}}))
    assert code == "epcis.namespace_too_long"


def test_contexts_of_a_document_count_for_it_and_for_each_event() -> None:
    bare = {name: value for name, value in EVENT.items() if name != "@context"}
    document = chain.document(bare) | contexts({"ex": "https://ex.org/" + "n" * 3_000})
    [error] = validation.envelope_errors(document)
    assert (error.pointer, error.code) == ("/@context", "epcis.namespace_too_long")
    half = {f"p{n}": "https://ex.org/" for n in range(60)}
    other = {f"q{n}": "https://ex.org/" for n in range(60)}
    document = chain.document(bare, bare | {"@context": [chain.CONTEXT, other]}) | contexts(half)
    assert validation.envelope_errors(document) == []
    first, second = validation.candidates(document)
    assert first.errors == []
    assert [(e.pointer, e.code) for e in second.errors] == [
        ("/epcisBody/eventList/1/@context", "epcis.too_many_namespaces")
    ]
    document = chain.document(bare) | {"creationDate": "x" * 4_000_000}
    [error] = validation.envelope_errors(document)
    assert (error.pointer, error.code) == ("/creationDate", "epcis.text_too_long")


def test_the_hash_of_an_event_is_bounded() -> None:
    long = contexts({"ex": "https://ex.org/" + "n" * 2_000})
    fields = {f"ex:b{n}": 1 for n in range(2_000)}
    assert judged(long | fields) == []  # 4,042,890 characters
    more = {f"ex:b{n}": 1 for n in range(2_100)}
    for each in (more, {"ex:a": [1] * 2_100}, {"ex:a": [[1] * 1_050] * 2}, {"ilmd": {"ex:c": [{"ex:d": 1}] * 1_100}}):
        [(place, code, words)] = judged(long | each)
        assert (place, code, "4194304" in words) == ("", "epcis.names_too_long", True)
    [(_, code, _)] = judged({"ex:" + "a" * 190: [1] * 30_000})
    assert code == "epcis.names_too_long", "a name counts as often as it is written"
    data = orjson.dumps(EVENT | contexts({"ex": "https://ex.org/" + "n" * 400_000}) | fields)
    began = time.process_time()
    assert validation.single(validation.load(data)).errors
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "more",
    [
        {"ex:a": 1, "ex:b": {"ex:c": [1, 2, {"ex:d": "x"}], "ex:e": {}}},
        {"ilmd": {"ex:l": ["a", ["b", "c"]]}, "readPoint": {"id": "urn:x:1", "ex:r": [1, 2, 3]}},
        {"sensorElementList": [{"sensorReport": [REPORT | {"ex:s": [1] * 9}], "ex:t": 2}]},
    ],
)
def test_no_hash_is_longer_than_its_names_and_texts(more: dict[str, Any]) -> None:
    """The bound on names holds the hash, where each value is one character and a namespace is thousands."""
    names = {"ex": "https://ex.org/" + "n" * 2_000}
    event = EVENT | more
    told = prehash(event, names)
    assert told.count("n" * 2_000) * 2_000 < names_written(event, names)
    assert len(told) < names_written(event, names) + 2_000


def test_the_hashes_of_a_document_are_bounded_together() -> None:
    limits = Limits(names=100_000, document_names=250_000)
    bare = {name: value for name, value in EVENT.items() if name != "@context"}
    events = [bare | {"ex:a": [1] * 40} for _ in range(4)]
    document = chain.document(*events) | contexts({"ex": "https://ex.org/" + "n" * 2_000})
    found = validation.candidates(document, limits)  # 82,000 or so of each
    assert [[error.code for error in each.errors] for each in found] == [[], [], [], ["epcis.names_too_long"]]
    assert "250000" in found[3].errors[0].en
    assert len(prepare(found)) == 3


def test_what_long_texts_identify_is_not_kept() -> None:
    tracemalloc.start()
    for n in range(200):
        identify("urn:x:" + "y" * 60_000 + str(n))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2**20


def test_messages_quote_little() -> None:
    for wrong in ("https://id.gs1.org/01/" + "9" * 900, "https://id.gs1.org/01/09521101530018/10/" + "%" * 900):
        found = judged({"epcList": [wrong]})
        assert found
        assert all(len(words) < 320 for _, _, words in found)


async def test_over_the_api(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    for sent, status, limit in (
        ({"k" * 1_000_000: 1}, 413, "200"),
        (EVENT | {"ex:a": "x" * 1_000_000}, 400, "65536"),
        (EVENT | {"epcList": ["x" * 1_000_000]}, 400, "4000"),
        (EVENT | contexts({"ex": "https://ex.org/" + "n" * 1_000_000}), 400, "2048"),
    ):
        answer = await on_sqlite.post("/epcis/events", json=sent, as_=food.coop)
        assert (answer.status_code, len(answer.content) < 2_000) == (status, True)
        assert limit in answer.text
        document = chain.document({name: value for name, value in sent.items() if name != "@context"})
        if "@context" in sent:
            document["@context"] = sent["@context"]
        job = await on_sqlite.post("/epcis/capture", json=document, as_=food.coop)
        told: dict[str, Any] = {"running": job.status_code == 202}
        while told["running"]:
            job = await on_sqlite.get(job.headers.get("location", str(job.url)), as_=food.coop)
            told = job.json()
        assert limit in job.text
        assert len(job.content) < 3_000
    answer = await on_sqlite.put("/v1/traceability/products/09521101530018", json={"k" * 1_000_000: 1}, as_=food.coop)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "json_name", 200)
