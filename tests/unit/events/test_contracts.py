"""What was published once is read for good: frozen schemas and golden samples of every version."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from shared.events.asyncapi import asyncapi_document
from shared.events.base import Event, Upcast
from shared.events.catalogue import CATALOGUE, EVENTS, READ
from shared.events.freeze import FROZEN, breaking_changes, frozen, schema_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_todays_class_is_the_frozen_one(event_type: str) -> None:
    old = frozen(event_type)
    assert old is not None, f"{event_type} is not frozen; run python -m shared.events.freeze"
    assert breaking_changes(old, schema_of(event_type)) == []
    assert old == schema_of(event_type), "freeze the new optional field with python -m shared.events.freeze"


def test_nothing_frozen_was_dropped_from_the_catalogue() -> None:
    assert {path.stem for path in FROZEN.glob("*.json")} == set(READ)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_sample_is_read_by_todays_code(path: Path) -> None:
    event_type = path.stem
    sample = json.loads(path.read_text(encoding="utf-8"))
    event = READ[event_type].read(event_type, path.read_bytes())
    assert event.key
    sample = LEFT_OUT.get(event_type, _without())(sample)
    assert _kept(sample, event.model_dump(mode="json")) == sample


def test_what_no_version_reads_is_refused() -> None:
    event = READ["pinzhi.credit.violation.published.v1"]
    with pytest.raises(ValueError, match="is no JSON object"):
        event.read("pinzhi.credit.violation.published.v1", b"[]")
    with pytest.raises(ValueError, match="uscc"):
        event.read("pinzhi.credit.violation.published.v1", b"{}")


def test_an_old_body_becomes_the_newest_version_step_by_step() -> None:
    class Third(Event):
        type: ClassVar[str] = "pinzhi.credit.sample.changed.v3"
        key_field: ClassVar[str] = "id"
        earlier: ClassVar[Mapping[str, Upcast]] = {
            "pinzhi.credit.sample.changed.v1": lambda body: {"id": body["number"], "note": body["text"]},
            "pinzhi.credit.sample.changed.v2": lambda body: {"id": body["id"], "length": len(str(body["note"]))},
        }
        id: str
        length: int

    assert Third.types() == tuple(f"pinzhi.credit.sample.changed.v{n}" for n in (1, 2, 3))
    written = {"v1": {"number": "a", "text": "abc"}, "v2": {"id": "a", "note": "abc"}, "v3": {"id": "a", "length": 3}}
    for version, body in written.items():
        read = Third.read(f"pinzhi.credit.sample.changed.{version}", json.dumps(body).encode())
        assert read == Third(id="a", length=3)


def _kept(sample: Any, read: Any) -> Any:
    """Of what was read, what the sample says; a part may have gained optional fields since, as a body may."""
    if isinstance(sample, dict):
        return {name: _kept(value, read[name]) for name, value in sample.items()}
    if isinstance(sample, list) and len(sample) == len(read):
        return [_kept(one, other) for one, other in zip(sample, read, strict=True)]
    return read


def _without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: {name: value for name, value in body.items() if name not in names}


LEFT_OUT = {
    "pinzhi.credit.violation.published.v1": _without("facts"),
}
"""What of an earlier version is not read any more, said a second time and by hand."""


def test_every_event_has_a_golden_sample() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(READ)


def test_a_reader_survives_a_field_that_it_does_not_know() -> None:
    for event_type, event in EVENTS.items():
        sample = json.loads((GOLDEN / f"{event_type}.json").read_text(encoding="utf-8"))
        assert event.model_validate(sample | {"added_later": 1}) == event.model_validate(sample)


OLD: dict[str, Any] = {
    "properties": {"a": {"type": "string"}, "b": {"type": "integer", "default": 1}},
    "required": ["a"],
    "$defs": {"X": {"properties": {"c": {"enum": ["p", "q"]}}, "required": ["c"]}},
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["properties"].pop("b"), "/b: removed"),
        (
            lambda s: s["properties"].update(d={"type": "string"}) or s["required"].append("d"),
            "/d: added as a required",
        ),
        (lambda s: s["required"].append("b"), "/b: was optional"),
        (lambda s: s["properties"]["a"].update(type="integer"), "/a: "),
        (lambda s: s["$defs"]["X"]["properties"]["c"]["enum"].pop(), "/$defs/X/c: "),
        (lambda s: s["$defs"].pop("X"), "/$defs/X: removed"),
    ],
)
def test_breaking_changes_are_seen(change: Any, says: str) -> None:
    new = json.loads(json.dumps(OLD))
    change(new)
    (found,) = breaking_changes(OLD, new)
    assert found.startswith(says)


def test_an_optional_field_and_a_new_default_are_no_break() -> None:
    new = json.loads(json.dumps(OLD))
    new["properties"]["new"] = {"type": "string", "default": ""}
    new["properties"]["b"]["default"] = 2
    assert breaking_changes(OLD, new) == []


def test_asyncapi_holds_every_event_of_the_catalogue() -> None:
    document = asyncapi_document()
    messages = document["components"]["messages"]
    units = {f"enforcement.{name}.v1" for name in ("violation", "correction", "withdrawal", "structured", "receipt")}
    planned = {f"{entry.name}.v1" for entry in CATALOGUE if entry.planned}
    read = {event_type.removeprefix("pinzhi.") for event_type in READ}
    assert planned | read | units == set(messages)
    for entry in CATALOGUE:
        newest = entry.event.type.removeprefix("pinzhi.") if entry.event is not None else f"{entry.name}.v1"
        assert messages[newest]["x-planned"] == entry.planned
        assert ("payload" in messages[newest]) != entry.planned


def test_asyncapi_shows_an_earlier_version_and_what_it_is_read_as() -> None:
    messages = asyncapi_document()["components"]["messages"]
    first, second = (messages[f"credit.violation.published.v{n}"] for n in (1, 2))
    assert first["x-superseded-by"] == second["name"] == "pinzhi.credit.violation.published.v2"
    assert set(first["payload"]["properties"]) - set(second["payload"]["properties"]) == {"facts"}
    assert "$ref" not in json.dumps(first["payload"])


def test_channels_and_references_of_asyncapi() -> None:
    document = asyncapi_document()
    assert {channel["address"] for channel in document["channels"].values()} == {
        f"pinzhi.{service}.v1" for service in ("credit", "traceability", "indicators", "gateway")
    } | {"pinzhi.enforcement.intake.{client}.v1", "pinzhi.enforcement.receipts.{client}.v1"}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        node: Any = document
        for step in reference.split("/"):
            node = node[step]


def test_types_keys_and_publishers_agree() -> None:
    for event_type, event in EVENTS.items():
        assert event_type == event.type
        assert event.key_field in event.model_fields
        assert event.publisher() == event.__module__.rsplit(".", 1)[1]
