"""What a message of the intake topic is. Pure.

CloudEvents in binary mode: `ce_type` names the kind, `ce_id` is the unit's own number of the message, `authorization`
holds the bearer token; the value is the body of the REST call (with `violation_id` for corrections and withdrawals).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from shared.errors import FieldError, Invalid, Malformed, PlatformError, Unauthenticated

Kind = Literal["violation", "correction", "withdrawal"]
TYPES: Mapping[str, Kind] = {
    "pinzhi.enforcement.violation.v1": "violation",
    "pinzhi.enforcement.correction.v1": "correction",
    "pinzhi.enforcement.withdrawal.v1": "withdrawal",
}
RECEIPT_TYPE = "pinzhi.enforcement.receipt.v1"


@dataclass(frozen=True)
class Message:
    """A message that can be read; who sends it is not judged yet."""

    kind: Kind
    token: str
    body: dict[str, Any]
    violation_id: str | None


def read(headers: Mapping[str, str], value: bytes) -> Message:
    """Raises PlatformError that says what is wrong with the message as such."""
    kind = TYPES.get(headers.get("ce_type", ""))
    if kind is None:
        known = ", ".join(TYPES)
        zh, en = f"消息头 ce_type 应为其中之一：{known}", f"ce_type needs to be one of: {known}"
        raise Invalid([FieldError("#ce_type", "intake.type", zh, en)])
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "token.scheme",
            zh="消息头 authorization 须为 Bearer 令牌",
            en="The header authorization needs a Bearer token",
        )
    body = _json(value)
    violation_id = body.pop("violation_id", None) if kind != "violation" else None
    if kind != "violation" and (not isinstance(violation_id, str) or not violation_id):
        raise Invalid([FieldError("/violation_id", "missing", "必须填写", "Required")])
    return Message(kind, token.strip(), body, violation_id)


def _json(value: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            "json", zh=f"消息不是有效的 JSON（{error}）", en=f"The message is not valid JSON ({error})"
        ) from error
    if not isinstance(body, dict):
        raise Invalid([FieldError("", "dict_type", "应为对象", "Needs to be an object")])
    return body


def answer(place: str, message_id: str | None, status: str, receipt: str | None, problem: PlatformError | None) -> str:
    """The receipt message, JSON text. Problems are told in Chinese with the English beside it."""
    told = None
    if problem is not None:
        told = problem.to_problem("zh") | {"detail_en": problem.text.en}
    return orjson.dumps(
        {
            "request": {"place": place, "id": message_id},
            "status": status,
            "receipt": orjson.Fragment(receipt) if receipt is not None else None,
            "problem": told,
        }
    ).decode()
