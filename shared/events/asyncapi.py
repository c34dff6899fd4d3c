"""The AsyncAPI 3.0 document of all events, made from the catalogue, and of what enforcement units push."""

from functools import cache
from typing import Any

from shared.events.asyncapi_units import add_units
from shared.events.base import topic_of
from shared.events.catalogue import CATALOGUE, Entry
from shared.events.freeze import frozen
from shared.json_schema import inlined


@cache
def asyncapi_document() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for entry in CATALOGUE:
        topic = topic_of(entry.publisher)
        name = entry.event.type.removeprefix("pinzhi.") if entry.event is not None else f"{entry.name}.v1"
        channel = channels.setdefault(
            entry.publisher, {"address": topic, "title": f"Events of {entry.publisher}", "messages": {}}
        )
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
        for earlier in entry.event.earlier if entry.event is not None else ():
            old = earlier.removeprefix("pinzhi.")
            channel["messages"][old] = {"$ref": f"#/components/messages/{old}"}
            messages[old] = _earlier(earlier, entry)
        message: dict[str, Any] = {
            "name": f"pinzhi.{name}",
            "title": entry.name,
            "contentType": "application/json",
            "x-key": entry.key,
            "x-handlers": entry.handlers,
            "x-planned": entry.planned,
            "headers": {"$ref": "#/components/schemas/CloudEvent"},
        }
        if entry.event is not None:
            message["summary"] = (entry.event.__doc__ or entry.name).strip().splitlines()[0]
            message["payload"] = entry.event.model_json_schema(ref_template="#/components/schemas/{model}")
            for model, schema in message["payload"].pop("$defs", {}).items():
                messages.setdefault("$schemas", {})[model] = schema
        messages[name] = message
        operations[f"publish.{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{entry.publisher}"},
            "messages": [{"$ref": f"#/channels/{entry.publisher}/messages/{name}"}],
        }
    schemas = messages.pop("$schemas", {})
    schemas["CloudEvent"] = _ENVELOPE
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pinzhi domain events and the topics of enforcement units",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in the Kafka binding; order holds for each key. Domain events are written "
            "in binary mode; units may use both modes.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }
    add_units(document)
    return document


def _earlier(event_type: str, entry: Entry) -> dict[str, Any]:
    """A version that is written no more and stands in the topic until its records go."""
    assert entry.event is not None
    return {
        "name": event_type,
        "title": entry.name,
        "summary": f"Earlier version, no longer written; read as {entry.event.type}",
        "contentType": "application/json",
        "x-key": entry.key,
        "x-superseded-by": entry.event.type,
        "headers": {"$ref": "#/components/schemas/CloudEvent"},
        # Its definitions stand in their places: those of today's version have the same names.
        "payload": inlined(frozen(event_type) or {}),
    }


_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_partitionkey", "ce_sequence"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string"},
        "ce_source": {"type": "string", "description": "/pinzhi/<service>"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_partitionkey": {"type": "string"},
        "ce_sequence": {"type": "string", "description": "Gap-free for each source and key, 20 digits"},
        "ce_traceparent": {"type": "string"},
        "ce_causationid": {"type": "string"},
        "ce_correlationid": {"type": "string"},
    },
}
