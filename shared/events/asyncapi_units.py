"""The part of the AsyncAPI document that is for enforcement units: the pair of topics that each of them has."""

import json
from pathlib import Path
from typing import Any

from shared.events.base import unit_intake, unit_receipts

CONTRACT = Path(__file__).parent / "units.json"
"""Schemas of the bodies, written by `python -m deploy.unit_contract` from those of the REST calls."""
_KINDS = {"violation": "UnitViolationIn", "correction": "UnitCorrection", "withdrawal": "UnitWithdrawal"}
_STRUCTURED = "application/cloudevents+json; charset=UTF-8"
_VIOLATION = {
    "external_id": "CASE-2026-1",
    "uscc": "91370613MADEM0D49J",
    "party_name": "烟台样例食品有限公司",
    "area_code": "370602",
    "document_number": "烟市监罚〔2026〕66号（示例）",
    "violation_type": "生产经营不符合食品安全标准的食品",
    "field": "food",
    "facts": "抽检检出毒死蜱残留超过食品安全标准限量",
    "legal_basis": "《中华人民共和国食品安全法》第一百二十四条",
    "penalty_kinds": ["warning"],
    "decision_date": "2026-11-20",
}
_EXAMPLES = {
    "violation": _VIOLATION,
    "correction": {"violation_id": "…", "version": 1, "reason": "金额有误", "changes": {"fine_fen": 100}},
    "withdrawal": {
        "violation_id": "…",
        "reason": "复议撤销",
        "document_number": "烟复决〔2026〕1号",
        "annulled_on": "2026-11-23",
    },
}


def add_units(document: dict[str, Any]) -> None:
    """Channels, operations, messages, schemas, server and security of the units, into `document`."""
    components = document["components"]
    components["schemas"] |= json.loads(CONTRACT.read_text(encoding="utf-8")) | {
        "UnitAttributes": _ATTRIBUTES,
        "UnitEvent": _EVENT,
        "UnitReceiptMessage": _RECEIPT,
    }
    messages = {f"enforcement.{kind}.v1": _binary(kind) for kind in _KINDS}
    messages["enforcement.structured.v1"] = _structured()
    receipt = "enforcement.receipt.v1"
    components["messages"] |= messages | {receipt: _receipt()}
    components["securitySchemes"] = {
        "scram": {"type": "scramSha512", "description": "The user that `pinzhi clients kafka CLIENT` names"}
    }
    document["servers"] = {
        "city": {
            "host": "{brokers}",
            "protocol": "kafka-secure",
            "description": "The city's brokers: SASL_SSL, one user for each unit",
            "variables": {"brokers": {"description": "host:port, from the operator"}},
            "security": [{"$ref": "#/components/securitySchemes/scram"}],
        }
    }
    parameters = {"client": {"description": "The client's id, as in `pinzhi clients add`"}}
    document["channels"] |= {
        "unit-intake": {
            "address": unit_intake("{client}"),
            "title": "What a unit pushes",
            "description": "Only the unit's user may write here, so no token is sent; its rights are those of the "
            "instant at which the broker took the message. Kept for seven days. See docs/units.md.",
            "parameters": parameters,
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        },
        "unit-receipts": {
            "address": unit_receipts("{client}"),
            "title": "What became of it",
            "description": "One receipt for each message, also for a refused one. Only the unit's user may read here.",
            "parameters": parameters,
            "messages": {receipt: {"$ref": f"#/components/messages/{receipt}"}},
        },
    }
    for name in messages:
        document["operations"][f"receive.{name}"] = {
            "action": "receive",
            "channel": {"$ref": "#/channels/unit-intake"},
            "messages": [{"$ref": f"#/channels/unit-intake/messages/{name}"}],
            "reply": {
                "channel": {"$ref": "#/channels/unit-receipts"},
                "messages": [{"$ref": f"#/channels/unit-receipts/messages/{receipt}"}],
            },
        }


def _binary(kind: str) -> dict[str, Any]:
    headers = {"ce_specversion": "1.0", "ce_id": "7", "ce_type": f"pinzhi.enforcement.{kind}.v1"}
    return {
        "name": f"pinzhi.enforcement.{kind}.v1",
        "title": kind.capitalize(),
        "summary": f"The body of the REST call for a {kind}, in binary mode",
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/UnitAttributes"},
        "payload": {"$ref": f"#/components/schemas/{_KINDS[kind]}"},
        "examples": [{"name": kind, "headers": headers, "payload": _EXAMPLES[kind]}],
    }


def _structured() -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": "7",
        "source": "/yt-scjg",
        "type": "pinzhi.enforcement.violation.v1",
        "datacontenttype": "application/json",
        "data": _VIOLATION,
    }
    return {
        "name": "pinzhi.enforcement.structured.v1",
        "title": "Any of them as one JSON document",
        "summary": "CloudEvents in structured mode; the body is `data`, and pointers of a receipt begin with /data",
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "required": ["content-type"],
            "properties": {"content-type": {"type": "string", "pattern": "^application/cloudevents\\+json"}},
        },
        "payload": {"$ref": "#/components/schemas/UnitEvent"},
        "examples": [{"name": "structured", "headers": {"content-type": _STRUCTURED}, "payload": event}],
    }


def _receipt() -> dict[str, Any]:
    return {
        "name": "pinzhi.enforcement.receipt.v1",
        "title": "Receipt",
        "summary": "`ce_causationid` is the id of the message that it answers",
        "contentType": "application/json",
        "payload": {"$ref": "#/components/schemas/UnitReceiptMessage"},
    }


_ATTRIBUTES: dict[str, Any] = {
    "type": "object",
    "required": ["ce_type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            "type": "string",
            "description": "The unit's own number of the message; it comes back in the receipt",
        },
        "ce_source": {"type": "string"},
        "ce_type": {"type": "string", "enum": [f"pinzhi.enforcement.{kind}.v1" for kind in _KINDS]},
        "content-type": {"type": "string"},
    },
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1},
        "type": {"type": "string", "enum": [f"pinzhi.enforcement.{kind}.v1" for kind in _KINDS]},
        "data": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in _KINDS.values()]},
        "data_base64": {"type": "string", "description": "The same JSON, encoded"},
    },
}
_RECEIPT: dict[str, Any] = {
    "type": "object",
    "required": ["request", "status", "receipt", "problem"],
    "properties": {
        "request": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "Topic, partition and offset of the message"},
                "id": {"type": ["string", "null"]},
            },
        },
        "status": {"type": "string", "enum": ["recorded", "repeated", "corrected", "withdrawn", "refused"]},
        "receipt": {"oneOf": [{"$ref": "#/components/schemas/UnitReceipt"}, {"type": "null"}]},
        "problem": {
            "type": ["object", "null"],
            "description": "RFC 9457 in Chinese with the English in `detail_en`; `errors` holds at most 50 places",
        },
    },
}
