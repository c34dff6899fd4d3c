"""CloudEvents 1.0 in the Kafka binding: binary mode (headers `ce_*`, value = data); structured mode is read too."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

import orjson

from shared.db.tables import dead_letter
from shared.db.types import utc_text
from shared.events.base import Event

E = TypeVar("E", bound=Event, covariant=True)

CONTENT_TYPE = "application/json"
STRUCTURED = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Record:
    """What is put on the bus."""

    topic: str
    key: str
    value: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredRecord(Record):
    """What was read from the bus: a record with its place."""

    partition: int = 0
    offset: int = 0
    stored_at: datetime | None = None
    """When the bus took it, by the bus's own clock. None: it does not say (a topic that keeps its writers' times)."""


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """One event as a handler sees it."""

    id: str
    type: str
    source: str
    key: str
    sequence: int
    time: datetime
    data: E
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of a CloudEvent, with the data still as bytes."""

    id: str
    type: str
    source: str
    key: str
    sequence: int
    time: datetime
    data: bytes
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


class EnvelopeError(ValueError):
    """The record is no CloudEvent of ours."""


def to_record(topic: str, envelope: Envelope) -> Record:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": envelope.id,
        "ce_source": f"/pinzhi/{envelope.source}",
        "ce_type": envelope.type,
        "ce_time": utc_text(envelope.time),
        "ce_partitionkey": envelope.key,
        "ce_sequence": f"{envelope.sequence:020d}",
        "content-type": CONTENT_TYPE,
    }
    if envelope.traceparent:
        headers["ce_traceparent"] = envelope.traceparent
    if envelope.correlation_id:
        headers["ce_correlationid"] = envelope.correlation_id
    if envelope.causation_id:
        headers["ce_causationid"] = envelope.causation_id
    return Record(topic, envelope.key, envelope.data, headers)


def from_record(record: Record) -> Envelope:
    """Read either content mode. Raises `EnvelopeError` that names the missing or wrong attribute."""
    content_type = record.headers.get("content-type", "")
    attributes: dict[str, str]
    if content_type.startswith(STRUCTURED):
        try:
            body = orjson.loads(record.value)
        except orjson.JSONDecodeError as error:
            raise EnvelopeError(f"structured mode, but no JSON: {error}") from error
        if not isinstance(body, dict):
            raise EnvelopeError("structured mode, but no JSON object")
        attributes = {k: str(v) for k, v in body.items() if k not in ("data", "data_base64")}
        data = orjson.dumps(body.get("data"))
    else:
        attributes = {k[3:]: v for k, v in record.headers.items() if k.startswith("ce_")}
        data = record.value
    try:
        if attributes["specversion"] != "1.0":
            raise EnvelopeError(f"specversion {attributes['specversion']!r}, expected '1.0'")
        return Envelope(
            id=attributes["id"],
            type=_bounded("type", attributes["type"]),
            source=_bounded("source", attributes["source"].removeprefix("/pinzhi/")),
            key=_bounded("key", attributes.get("partitionkey", record.key)),
            sequence=_sequence(attributes["sequence"]),
            time=_instant(attributes["time"]),
            data=data,
            correlation_id=attributes.get("correlationid"),
            causation_id=attributes.get("causationid"),
            traceparent=attributes.get("traceparent"),
        )
    except KeyError as error:
        raise EnvelopeError(f"attribute {error.args[0]!r} is missing") from error
    except (ValueError, OverflowError) as error:
        if isinstance(error, EnvelopeError):
            raise
        raise EnvelopeError(str(error)) from error


# What a database cannot hold could not even be kept as a dead letter, and would stop everything behind it.
def _bounded(name: str, value: str) -> str:
    longest: int = dead_letter.c[name].type.length  # type: ignore[attr-defined]
    if not 1 <= len(value) <= longest or "\0" in value:
        raise EnvelopeError(f"{name} {value[:50]!r}, expected 1 to {longest} characters without U+0000")
    return value


def _sequence(text: str) -> int:
    value = int(text)
    if not 1 <= value < 2**63:
        raise EnvelopeError(f"sequence {value}, expected 1 or more, in 64 bits")
    return value


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise EnvelopeError(f"time {text!r}, expected an offset")
    return value.astimezone(UTC)
