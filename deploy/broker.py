"""What an operator does at a guarded broker: users (SCRAM) and grants, for those whom `deploy/access.py` names.

The client library has no request for SCRAM users and takes one grant at a time; both are put right here.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import (
    CreateAclsRequest,
    CreateAclsRequest_v1,
    DeleteAclsRequest,
    DeleteAclsRequest_v1,
    DescribeAclsRequest,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactBytes, CompactString, Int8, Int16, Int32, Schema, TaggedFields

from deploy.access import Grant
from deploy.topics import admin_of
from shared.bus.kafka_access import KafkaAccess

_SHA512, _ITERATIONS = 2, 4096
_KNOWN_SECONDS = 60.0
_RESOURCES = {"topic": 2, "group": 3}
_OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
_ANY, _LITERAL, _PREFIXED, _ALLOW = 1, 3, 4, 3


class _ScramResponse(Response):  # type: ignore[misc]
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _ScramRequest_v0(RequestStruct):  # type: ignore[misc]
    API_KEY = 51
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _ScramResponse
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _ScramRequest(Request[_ScramRequest_v0]):  # type: ignore[misc]
    API_KEY = 51

    def __init__(self, deletions: Sequence[Any], upsertions: Sequence[Any]) -> None:
        self._deletions, self._upsertions = deletions, upsertions

    def build(self, request_struct_class: type[_ScramRequest_v0]) -> _ScramRequest_v0:
        return request_struct_class(self._deletions, self._upsertions, {})


class _Grants(CreateAclsRequest):  # type: ignore[misc]
    def __init__(self, grants: Iterable[Grant]) -> None:
        self._grants = list(grants)

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return CreateAclsRequest_v1(
            [
                (
                    _RESOURCES[grant.resource],
                    grant.name,
                    _PREFIXED if grant.prefixed else _LITERAL,
                    f"User:{grant.user}",
                    "*",
                    _OPERATIONS[grant.operation],
                    _ALLOW,
                )
                for grant in self._grants
            ]
        )


class _Revocation(DeleteAclsRequest):  # type: ignore[misc]
    """All grants of these users, whatever they are for."""

    def __init__(self, users: Iterable[str]) -> None:
        self._users = list(users)

    def build(self, request_struct_class: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        return DeleteAclsRequest_v1([(_ANY, None, _ANY, f"User:{user}", None, _ANY, _ANY) for user in self._users])


async def set_users(where: KafkaAccess, passwords: Mapping[str, str]) -> None:
    """Make users, or give those that are there a new password. Raises RuntimeError."""
    rows: list[Any] = []
    for user, password in passwords.items():
        salt = secrets.token_hex(16).encode()
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
        rows.append((user, _SHA512, _ITERATIONS, salt, salted, {}))
    await _alter_users(where, _ScramRequest([], rows))


async def drop_users(where: KafkaAccess, users: Iterable[str]) -> None:
    """Users and all that they may do. What is not there is no error."""
    users = list(users)
    async with admin_of(where) as admin:
        answer = await _send(admin, _Revocation(users))
        _raise_for("grants", [(code, text) for code, text, _matches in answer.filter_responses])
    await _alter_users(where, _ScramRequest([(user, _SHA512, {}) for user in users], []), missing_ok=True)


async def grant(where: KafkaAccess, grants: Iterable[Grant]) -> None:
    """Let users do this too; what they may do already stays. Raises RuntimeError.

    Returns when the broker knows it, and so what was changed before it: the controller answers earlier.
    """
    grants = list(grants)
    async with admin_of(where) as admin:
        answer = await _send(admin, _Grants(grants))
        _raise_for("grants", answer.creation_responses)
        last = grants[-1]
        pattern = _PREFIXED if last.prefixed else _LITERAL
        who, what = f"User:{last.user}", _OPERATIONS[last.operation]
        look = DescribeAclsRequest(_RESOURCES[last.resource], last.name, pattern, who, None, what, _ALLOW)
        async with asyncio.timeout(_KNOWN_SECONDS):
            while not (await _send(admin, look)).resources:  # noqa: ASYNC110 - nobody tells when it is known
                await asyncio.sleep(0.05)


async def _alter_users(where: KafkaAccess, request: _ScramRequest, *, missing_ok: bool = False) -> None:
    missing = 91  # RESOURCE_NOT_FOUND
    async with admin_of(where) as admin:
        answer = await _send(admin, request)
    codes = [
        (0 if missing_ok and code == missing else code, f"{user}: {text}") for user, code, text, _ in answer.results
    ]
    _raise_for("users", codes)


def _raise_for(what: str, answers: Iterable[tuple[int, str | None]]) -> None:
    failed = sorted({f"{text or 'refused'} (error {code})" for code, text in answers if code})
    if failed:
        raise RuntimeError(f"{what} could not be changed: {'; '.join(failed)}")


async def _send(admin: AIOKafkaAdminClient, request: Any) -> Any:
    return await admin._send_request(request)
