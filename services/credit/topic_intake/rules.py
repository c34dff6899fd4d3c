"""What a message is, and what its sender might do when the broker took it. Pure.

CloudEvents in either mode. Binary: `ce_type` names the kind, `ce_id` is the unit's own number of the message, the value
is the body of the REST call (with `violation_id` for corrections and withdrawals). Structured: the value is the whole
event, `content-type: application/cloudevents+json`, and the body is its `data`.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import orjson

from shared.errors import FieldError, Forbidden, Invalid, Malformed, PlatformError, TooLarge, Unauthenticated
from shared.jsontext import read_json

Kind = Literal["violation", "correction", "withdrawal"]
TYPES: Mapping[str, Kind] = {
    "pinzhi.enforcement.violation.v1": "violation",
    "pinzhi.enforcement.correction.v1": "correction",
    "pinzhi.enforcement.withdrawal.v1": "withdrawal",
}
MAX_VALUES = 10_000
"""Values and fields of a message: one decision has a hundred."""
RECEIPT_TYPE = "pinzhi.enforcement.receipt.v1"
LONGEST_VALUE = 262_144
"""Bytes of a message; a violation with the longest texts has a tenth of it."""
MOST_ERRORS = 50
_STRUCTURED, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


@dataclass(frozen=True)
class Version:
    """What a client was and might do from `valid_from` until the next version."""

    client_id: str
    valid_from: datetime
    name: str
    kind: str
    department: str | None
    area: str | None
    scopes: Sequence[str]
    demo: bool = False
    revoked_at: datetime | None = None


def version_at(versions: Sequence[Version], at: datetime) -> Version:
    """The one of `versions` (oldest first) that held at the instant. Raises Forbidden: not yet known, or revoked."""
    held = [version for version in versions if version.valid_from <= at]
    if not held:
        raise Forbidden(
            "client.not_yet",
            zh="消息代理收到此消息时，该客户端尚未登记；请重新发送",
            en="The client was not registered yet when the broker took this message; send it again",
        )
    if held[-1].revoked_at is not None and held[-1].revoked_at <= at:
        raise Forbidden(
            "client.revoked",
            zh="消息代理收到此消息时，该客户端已停用",
            en="The client had been revoked when the broker took this message",
        )
    return held[-1]


@dataclass(frozen=True)
class Letter:
    """A message as far as it could be read. `problem`: why it is no message."""

    type: str
    id: str | None
    data: Any = None
    place: str = ""
    """JSON Pointer of `data` in the value."""
    problem: PlatformError | None = None


def read(headers: Mapping[str, str], value: bytes) -> Letter:
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    letter = Letter(headers.get("ce_type", ""), headers.get("ce_id") or None)
    try:
        if len(value) > LONGEST_VALUE:
            raise TooLarge(
                "too_large",
                zh=f"消息有 {len(value)} 字节，最多 {LONGEST_VALUE}",
                en=f"The message has {len(value)} bytes; {LONGEST_VALUE} are taken",
            )
        if media == _BATCH:
            raise _wrong("#content-type", "batch", "不接受成批的 CloudEvents，请逐条发送", "Send events one by one")
        if media != _STRUCTURED:
            _check_version("#ce_specversion", headers.get("ce_specversion", "1.0"))
            return replace(letter, data=_json(value))
        event = _object(_json(value), "")
        letter = Letter(_text(event, "type"), _text(event, "id") or None)
        _check_version("/specversion", event.get("specversion"))
        for name in ("id", "source", "type"):
            if not _text(event, name):
                raise _wrong(f"/{name}", "missing", "必须填写", "Required")
        if "data_base64" in event:
            return replace(letter, data=_json(_decoded(event["data_base64"])), place="/data_base64")
        if "data" not in event:
            raise _wrong("/data", "missing", "必须填写", "Required")
        return replace(letter, data=event["data"], place="/data")
    except PlatformError as error:
        return replace(letter, problem=error)


@dataclass(frozen=True)
class Message:
    """A message that can be read; who sends it is not judged yet."""

    kind: Kind
    body: dict[str, Any]
    violation_id: str | None
    place: str = ""


def message_of(letter: Letter, headers: Mapping[str, str]) -> Message:
    """Raises PlatformError that says what is wrong with the message as such, with the place in it."""
    if letter.problem is not None and not letter.type:
        raise letter.problem
    kind = TYPES.get(letter.type)
    if kind is None:
        known = ", ".join(TYPES)
        place = "/type" if letter.place else "#ce_type"
        raise _wrong(place, "intake.type", f"类型应为其中之一：{known}", f"The type needs to be one of: {known}")
    if letter.problem is not None:
        raise letter.problem
    body = dict(_object(letter.data, letter.place))
    violation_id = body.pop("violation_id", None) if kind != "violation" else None
    if kind != "violation" and (not isinstance(violation_id, str) or not violation_id):
        raise _wrong(f"{letter.place}/violation_id", "missing", "必须填写", "Required")
    return Message(kind, body, violation_id, letter.place)


def bearer_of(headers: Mapping[str, str]) -> str:
    """The token of a message on the topic that all units share. Raises Unauthenticated."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "token.scheme",
            zh="消息头 authorization 须为 Bearer 令牌",
            en="The header authorization needs a Bearer token",
        )
    return token.strip()


def placed(error: PlatformError, place: str) -> PlatformError:
    """The same error with its pointers into the value of the message instead of into its data."""
    if place:
        error.errors = tuple(
            replace(each, pointer=place + each.pointer) if each.pointer[:1] in ("", "/") else each
            for each in error.errors
        )
    return error


def clean(text: str, longest: int) -> str:
    """What a database can hold: no U+0000, bounded."""
    return text.replace("\0", "\ufffd")[:longest]


def _check_version(place: str, version: Any) -> None:
    if version != "1.0":
        raise _wrong(place, "specversion", "CloudEvents 的版本应为 1.0", "The CloudEvents version needs to be 1.0")


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else ""


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "!", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong("/data_base64", "base64", "应为 base64", "Needs to be base64") from error


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(place, "dict_type", "应为对象", "Needs to be an object")
    return value


def _json(value: bytes) -> Any:
    try:
        return read_json(value, MAX_VALUES)
    except Malformed as error:
        cause = error.__cause__
        if cause is None:
            raise
        raise Malformed(
            "json", zh=f"消息不是有效的 JSON（{cause}）", en=f"The message is not valid JSON ({cause})"
        ) from cause


def _wrong(place: str, code: str, zh: str, en: str) -> Invalid:
    return Invalid([FieldError(place, code, zh, en)])


def answer(place: str, message_id: str | None, status: str, receipt: str | None, problem: PlatformError | None) -> str:
    """The receipt message, JSON text. Problems are told in Chinese with the English beside it."""
    told = None
    if problem is not None:
        problem.errors = problem.errors[:MOST_ERRORS]
        told = problem.to_problem("zh") | {"detail_en": problem.text.en}
    return orjson.dumps(
        {
            "request": {"place": place, "id": message_id},
            "status": status,
            "receipt": orjson.Fragment(receipt) if receipt is not None else None,
            "problem": told,
        }
    ).decode()
