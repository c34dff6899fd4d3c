"""Checked candidates to rows: canonical body, hash id, objects, edges. Pure CPU work, done before the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import structlog

from services.traceability.epcis import rules, validation
from services.traceability.epcis.eventhash import event_hash
from services.traceability.epcis.validation import Candidate
from services.traceability.graph.rules import OUTPUTS, edges
from services.traceability.rights.rules import kind_of
from shared.errors import FieldError
from shared.ids import uuid7

log = structlog.get_logger("capture")
_LOT_DATES = {"produced_on": ("productionDate",), "expires_on": ("itemExpirationDate", "bestBeforeDate")}


@dataclass(slots=True)
class Prepared:
    """A valid event with everything that will be stored of it."""

    pointer: str
    record_id: str
    event_id: str
    hash_id: str
    declaration: bool
    at: datetime
    event: dict[str, Any]
    objects: list[rules.Participant]
    place_glns: list[str]
    source: str | None
    destination: str | None
    row: dict[str, Any]

    def object_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "record_id": self.record_id,
                "position": position,
                "field": each.field,
                "value": each.id.uri,
                "node": each.id.node,
                "gtin": each.id.gtin,
                "quantity": each.quantity,
                "uom": each.uom,
            }
            for position, each in enumerate(self.objects)
        ]

    def edge_rows(self, known_from: datetime, captured_by: str) -> list[dict[str, Any]]:
        """Without classes, in which everything ever made of a product would meet, and without a lot as a parent."""
        if self.declaration:
            return []
        named = [
            (each.field, each.id.node)
            for each in self.objects
            if (kind := kind_of(each.id.node)[0]) != "class" and (kind, each.field) != ("lot", "parent")
        ]
        kind, action, together = self.event["type"], self.event.get("action"), self.row["body"].get("transformationID")
        together = f"{captured_by}:{together}" if together else None
        rows = edges(self.record_id, kind, action, named, self.at, together)
        return [{**row, "known_from": known_from, "known_to": None} for row in rows]

    def creates(self) -> dict[str, str]:
        """Pointer -> GTIN of what the event brings into being."""
        kind, action = self.event["type"], self.event.get("action")
        fields = OUTPUTS if kind == "TransformationEvent" else ("epc", "quantity") if action == "ADD" else ()
        if kind not in ("TransformationEvent", "ObjectEvent"):
            fields = ()
        return {each.pointer: each.id.gtin for each in self.objects if each.field in fields and each.id.gtin}

    def lot_ids(self) -> set[str]:
        return {each.id.node for each in self.objects if each.id.lot is not None}

    def new_lots(self) -> dict[str, dict[str, Any]]:
        """Lot id -> `produced_on`, `expires_on` as far as the event tells them (its ILMD, else its own day)."""
        if self.declaration:
            return {}
        born = set(self.creates())
        told = told_dates(self.event)
        return {
            each.id.node: told if each.pointer in born else {"produced_on": None, "expires_on": None}
            for each in self.objects
            if each.id.lot is not None
        }


def told_dates(event: Mapping[str, Any]) -> dict[str, date | None]:
    """`produced_on`, `expires_on` as far as the event's ILMD tells them."""
    local = {key.rpartition(":")[2]: value for key, value in (event.get("ilmd") or {}).items()}
    return {
        name: next((day for key in keys if (day := _day(local.get(key)))), None) for name, keys in _LOT_DATES.items()
    }


def prepare(candidates: Sequence[Candidate]) -> list[Prepared]:
    """What is valid among the candidates. One that cannot be made after all has an error more: the others of its
    document are not lost with it."""
    found = []
    for candidate in candidates:
        if candidate.errors:
            continue
        try:
            found.append(_prepare(candidate))
        except (ValueError, ArithmeticError, RecursionError) as error:
            log.error("an event that was found valid cannot be made", error=f"{type(error).__name__}: {error}"[:500])
            zh, en = "事件的内容无法处理，请联系平台", "The event cannot be processed; please tell the platform"
            candidate.errors.append(FieldError(candidate.pointer or "/", "epcis.unreadable", zh, en))
    return found


def _prepare(candidate: Candidate) -> Prepared:
    event = candidate.event
    names = validation.namespaces(candidate.contexts)
    hash_id = event_hash(event, names)
    body = rules.canonical(event)
    body.pop("@context", None)
    if contexts := _used(body, candidate.contexts):
        body["@context"] = contexts
    event_id = event.get("eventID") or hash_id
    body["eventID"] = event_id
    at = rules.instant(event["eventTime"])
    record_id = uuid7()
    glns = rules.glns(event)
    source, destination = rules.party_gln(event, "source"), rules.party_gln(event, "destination")
    declaration = "errorDeclaration" in event
    return Prepared(
        pointer=candidate.pointer,
        record_id=record_id,
        event_id=event_id,
        hash_id=hash_id,
        declaration=declaration,
        at=at,
        event=event,
        objects=list(rules.participants(event, candidate.pointer)),
        place_glns=glns,
        source=source,
        destination=destination,
        row={
            "record_id": record_id,
            "event_id": event_id,
            "hash_id": hash_id,
            "declaration": declaration,
            "errored_at": None,
            "event_type": event["type"],
            "action": event.get("action"),
            "event_time": at,
            "biz_step": body.get("bizStep"),
            "disposition": body.get("disposition"),
            "read_point": (body.get("readPoint") or {}).get("id"),
            "biz_location": (body.get("bizLocation") or {}).get("id"),
            "place_gln": rules.place_gln(event),
            "source_party": source,
            "destination_party": destination,
            "body": body,
        },
    )


def _used(body: Mapping[str, Any], contexts: Sequence[Any]) -> list[Any]:
    """The contexts that the event needs: prefixes that it uses, and references that cannot be looked into."""
    text = orjson.dumps(body).decode()
    prefixes = {p: uri for p, uri in validation.namespaces(contexts).items() if f'"{p}:' in text}
    return [context for context in contexts if isinstance(context, str)] + ([prefixes] if prefixes else [])


def _day(value: Any) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
