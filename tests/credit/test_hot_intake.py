"""The raw path of a single push and the FastAPI route behind it: the same answers, headers and rows for one input."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.types import Message

from services.credit.app import create_app
from services.credit.settings import Settings
from shared.platform import Platform
from shared.web import HotWrite
from shared.web.hot_writes import HotWrites
from tests.credit.samples import COUNTY, OTHER_UNIT, UNIT, violation
from tests.support.app import Harness, department, enterprise, public, running
from tests.support.callers import Caller
from tests.support.databases import Backend

URL = "/v1/credit/violations"
JSON = {"Content-Type": "application/json"}
LIMIT = 20_000
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Request:
    content: bytes
    caller: Caller = UNIT
    headers: dict[str, str] = field(default_factory=dict)


def pushed(number: int = 1, caller: Caller = UNIT, headers: dict[str, str] | None = None, **changes: Any) -> Request:
    return Request(orjson.dumps(violation(number, **changes)), caller, headers or {})


EXPIRED = UNIT.but(exp=1_000_000_000)
HOT: dict[str, tuple[list[Request], list[int]]] = {
    "good": ([pushed()], [201]),
    "repeated": ([pushed(), pushed()], [201, 200]),
    "conflict": ([pushed(), pushed(fine_fen=1)], [201, 409]),
    "same external id": ([pushed(), pushed(2, external_id="CASE-1")], [201, 409]),
    "invalid JSON": ([Request(b'{"uscc": ')], [400]),
    "not UTF-8": ([Request(b"\xff\xfe")], [400]),
    "no body": ([Request(b"")], [400]),
    "no object": ([Request(b"[]")], [422]),
    "wrong fields": ([pushed(uscc="1", colour="blue", decision_date="2099-01-01")], [422]),
    "told in English": ([pushed(uscc="1", headers={"Accept-Language": "en"})], [422]),
    "too large": ([pushed(remark="x" * LIMIT)], [413]),
    "expired token": ([pushed(caller=EXPIRED)], [401]),
    "token for another": ([pushed(caller=UNIT.but(aud="elsewhere"))], [401]),
    "no such scope": ([pushed(caller=department("credit:read")), pushed(caller=enterprise("x"))], [403, 403]),
    "foreign area": ([pushed(caller=COUNTY, area_code="370613")], [403]),
    "foreign department": ([pushed(caller=OTHER_UNIT, authority="yt-scjg")], [403]),
    "with a charset": ([pushed(headers={"Content-Type": "application/json; charset=utf-8"})], [201]),
}
"""What is answered in front of FastAPI."""
THROUGH: dict[str, tuple[list[Request], list[int]]] = {
    "no token": ([pushed(caller=public())], [401]),
    "another scheme": ([pushed(caller=public(), headers={"Authorization": "Basic eDp5"})], [401]),
    "wrong media type": ([pushed(headers={"Content-Type": "application/xml"})], [415]),
    "an idempotency key": ([pushed(headers={"Idempotency-Key": "k"})] * 2, [201, 201]),
    "an empty idempotency key": ([pushed(headers={"Idempotency-Key": ""})], [422]),
}
"""What FastAPI answers."""
REFUSED_BEFORE = ([pushed(headers={"Content-Encoding": "gzip"})], [415])
"""A compressed body reaches neither."""
CASES = HOT | THROUGH | {"compressed": REFUSED_BEFORE}


@pytest.fixture
async def pair(backend: Backend) -> AsyncIterator[tuple[Harness, Harness]]:
    """Two services, each on a database of its own."""
    async with (
        running(create_app, Settings, backend, sweep_seconds=3600, max_body_bytes=LIMIT) as one,
        running(create_app, Settings, backend, sweep_seconds=3600, max_body_bytes=LIMIT) as other,
    ):
        yield one, other


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The query of each request that FastAPI got."""
    seen: list[str] = []
    call = FastAPI.__call__

    async def counted(self: FastAPI, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append(scope["query_string"].decode())
        await call(self, scope, receive, send)

    monkeypatch.setattr(FastAPI, "__call__", counted)
    return seen


async def send(service: Harness, request: Request, url: str) -> httpx.Response:
    headers = JSON | {"X-Request-Id": "the-same"} | request.headers
    return await service.post(url, content=request.content, headers=headers, as_=request.caller)


def comparable(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
    """All of an answer; ids are new in each service."""
    return answer.status_code, list(answer.headers.multi_items()), _UUID.sub("(id)", answer.text)


@pytest.mark.parametrize("name", CASES)
async def test_both_paths_give_the_same_answer(pair: tuple[Harness, Harness], reached: list[str], name: str) -> None:
    requests, statuses = CASES[name]
    raw, plain = pair
    hot = [await send(raw, request, URL) for request in requests]
    assert reached == ([""] * len(requests) if name in THROUGH else [])
    # A query, which the route does not look at, is nothing for the raw path.
    cold = [await send(plain, request, f"{URL}?by=fastapi") for request in requests]
    assert reached.count("by=fastapi") == (0 if name in ("compressed", "too large") else len(requests))
    assert [answer.status_code for answer in hot] == statuses
    assert [comparable(answer) for answer in hot] == [comparable(answer) for answer in cold]
    rows = "SELECT action, subject, principal, request_id FROM audit_entry WHERE action LIKE 'violation%'"
    assert (
        raw.rows(rows)
        == plain.rows(rows)
        == [("violation.record", "烟市监罚〔2026〕1号", UNIT.id, "the-same") for _ in range(201 in statuses)]
    )


async def test_twice_in_one_transaction(pair: tuple[Harness, Harness]) -> None:
    """Of pushes that share a commit the first is recorded and the others are told so, on both paths."""
    requests = [pushed(1), pushed(1), pushed(1, fine_fen=1), pushed(2, external_id="CASE-1"), pushed(3)]
    for service in pair:  # whose token is known already comes at once
        await send(service, pushed(9), URL)
    answers = [
        await asyncio.gather(*(send(service, request, url) for request in requests))
        for service, url in zip(pair, (URL, f"{URL}?by=fastapi"), strict=True)
    ]
    assert [answer.status_code for answer in answers[0]] == [201, 200, 409, 409, 201]
    assert [comparable(answer) for answer in answers[0]] == [comparable(answer) for answer in answers[1]]
    subjects = "SELECT subject FROM audit_entry WHERE action = 'violation.record' ORDER BY id"
    assert pair[0].rows(subjects) == [("烟市监罚〔2026〕9号",), ("2 violations",)]


async def test_what_rests_on_a_record_that_came_second_is_judged_anew(credit: Harness) -> None:
    """Case 2 is recorded already, so in the next transaction a push that shares only its external id is told of that
    record, and one that collided with nothing but the loser is recorded."""
    before = (await send(credit, pushed(2), URL)).json()
    requests = [
        pushed(2, external_id="NEW"),  # same document, other id of the unit: a conflict with what is there
        pushed(3, external_id="NEW"),  # so its id is free for this one
        pushed(4, external_id="CASE-2"),
        pushed(2),
    ]
    taken, free, conflict, repeated = await asyncio.gather(*(send(credit, each, URL) for each in requests))
    assert (taken.status_code, taken.json()["violation_id"]) == (409, before["violation_id"])
    assert free.status_code == 201, free.text
    assert (conflict.status_code, conflict.json()["violation_id"]) == (409, before["violation_id"])
    assert (repeated.status_code, repeated.json()["id"]) == (200, before["id"])
    assert credit.rows("SELECT count(*) FROM violation") == [(2,)]
    subjects = "SELECT subject FROM audit_entry WHERE action = 'violation.record' ORDER BY id"
    assert credit.rows(subjects) == [("烟市监罚〔2026〕2号",), ("烟市监罚〔2026〕3号",)]


async def test_events_of_one_transaction_keep_the_requests_that_they_came_with(credit: Harness) -> None:
    async def one(number: int) -> httpx.Response:
        return await credit.post(URL, json=violation(number), as_=UNIT, headers={"X-Request-Id": f"push-{number}"})

    answers = await asyncio.gather(*(one(number) for number in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    headers = credit.rows("SELECT data, headers FROM outbox WHERE type LIKE '%violation.recorded%'")
    told = {orjson.loads(bytes(data))["document_number"]: orjson.loads(text)["correlationid"] for data, text in headers}
    assert told == {f"烟市监罚〔2026〕{number}号": f"push-{number}" for number in range(5)}


async def _raw(app: Any, messages: list[Message], token: str) -> list[Message]:
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "raw_path": URL.encode(),
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")],
    }

    async def receive() -> Message:
        return messages.pop(0)

    async def keep(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, keep)
    return sent


async def test_a_body_in_pieces_and_one_that_never_ends(credit: Harness) -> None:
    token = UNIT.token(credit.clock.now())
    assert token is not None
    body = pushed().content
    pieces: list[Message] = [
        {"type": "http.request", "body": body[:50], "more_body": True},
        {"type": "http.request", "body": body[50:], "more_body": False},
    ]
    gone: list[Message] = [pieces[0], {"type": "http.disconnect"}]
    assert await _raw(credit.app, gone, token) == []
    assert credit.rows("SELECT count(*) FROM violation") == [(0,)]
    start, _ = await _raw(credit.app, pieces, token)
    assert start["status"] == 201
    endless: list[Message] = [{"type": "http.request", "body": b"x" * 6_000_000, "more_body": True}] * 3
    start, _ = await _raw(credit.app, endless, token)
    assert start["status"] == 413


async def test_a_hot_write_without_a_declared_route_cannot_be_built(credit_sqlite: Harness) -> None:
    async def write(_platform: Platform, _principal: Any, _body: bytes) -> tuple[int, bytes]:
        return 201, b"{}"

    async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
        return None

    routes = credit_sqlite.app.fastapi.routes  # type: ignore[attr-defined]
    for path in ("/v1/credit/nowhere", "/v1/credit/receipts"):
        with pytest.raises(LookupError, match=path):
            HotWrites(nothing, credit_sqlite.platform, [HotWrite(path, write)], routes)
