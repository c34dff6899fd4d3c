"""What every service's HTTP bounds before it costs anything: tokens, JSON, errors, queries, bodies without an end."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc import jws

from shared.clock import FixedClock
from shared.db import metadata_of
from shared.errors import FieldError, Invalid
from shared.web.middleware import RequestContext
from tests.contract.shop import WRITER, Table, start
from tests.support.app import NOW, Harness
from tests.support.callers import ISSUER, Caller, signing_key
from tests.support.databases import Backend
from tests.support.lifespan import Lifespan


@pytest.fixture
async def service(backend: Backend) -> AsyncIterator[Harness]:
    harness = await start(backend, backend.bare(metadata_of(Table)), FixedClock(NOW))
    async with Lifespan(harness.app):
        yield harness
    await harness.close()


async def test_a_token_of_the_issuer_that_is_no_token(service: Harness) -> None:
    """Signed as it should be; what is signed no library expects."""
    now = int(service.clock.now().timestamp())
    claims = f'"iss":"{ISSUER}","aud":"pinzhi","sub":"client:a","kind":"department","iat":{now}'
    for payload in (
        b"{%s,\"exp\":1e400}" % claims.encode(),
        b"{%s,\"exp\":-1e400}" % claims.encode(),
        b"{%s,\"exp\":NaN}" % claims.encode(),
        b"{%s,\"exp\":%d,\"roles\":null}" % (claims.encode(), now + 60),
        b"[1]", b"null", b'"x"', b"7", b"[" * 3000 + b"]" * 3000, b"\xff", b"",
    ):  # fmt: skip
        token = jws.serialize_compact({"alg": "Ed25519", "kid": "test"}, payload, signing_key(), algorithms=["Ed25519"])
        answer = await service.get("/v1/credit/shops", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, (payload[:80], answer.text)
    for head in ("[]", "null", '{"alg":[]}', '{"alg":"Ed25519","kid":{}}', '{"alg":"Ed25519","kid":null,"crit":[1]}'):
        token = b64encode(head.encode()).decode().rstrip("=") + ".e30.e30"
        answer = await service.get("/v1/credit/shops", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, head
    long = WRITER.but(name="x" * 9_000)
    assert (await service.get("/v1/credit/shops", as_=long)).json()["code"] == "token.signature"


async def test_errors_are_told_up_to_fifty_and_then_counted(service: Harness) -> None:
    many = {f"u{number}": 1 for number in range(600)}
    answer = await service.post("/v1/credit/shops", json=many, as_=WRITER)
    (one,) = answer.json()["errors"]
    assert (one["pointer"], one["code"]) == ("", "too_many_fields")
    assert "600" in one["detail"]
    error = Invalid([FieldError(f"/{n}", "x", "错", "wrong") for n in range(60)], more_errors=7)
    problem = error.to_problem("en")
    assert (len(problem["errors"]), problem["more_errors"]) == (50, 17)
    assert "67 places" in problem["detail"]


async def test_what_json_may_hold(service: Harness) -> None:
    """Each bound with its name and limit, and a body just within it; a comma in a text is no value."""

    async def post(content: bytes) -> tuple[int, str, Any]:
        answer = await service.post(
            "/v1/credit/shops", content=content, as_=WRITER, headers={"content-type": "application/json"}
        )
        return answer.status_code, answer.json()["code"], answer.json().get("limit")

    service.platform.settings.max_json_values = 1_000
    values = b'{"name":[' + b"1," * 997 + b"1]}"
    assert await post(values) == (422, "invalid", None)
    assert await post(values.replace(b"[1", b"[1,1,1")) == (413, "json_values", 1_000)
    assert (await post(b'{"name":"' + b"a,[" * 1_500 + b'"}'))[:2] == (422, "invalid")
    assert await post(b'{"a":' * 64 + b"1" + b"}" * 64) == (422, "invalid", None)
    assert await post(b'{"a":' * 65 + b"1" + b"}" * 65) == (400, "json_depth", 64)
    assert await post(b'{"a":"' + b"[{" * 300 + b'"}') == (422, "invalid", None)
    assert (await post(b'{"name":"\\"[[[,,,"}'))[:2] == (422, "invalid")
    assert (await post(b'{"name":NaN}'))[:2] == (400, "json")


async def test_queries_and_kept_headers_are_bounded(service: Harness) -> None:
    many = "&".join(f"a{n}=1" for n in range(101))
    answer = await service.get(f"/v1/credit/shops?{many}")
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (400, "query_parameters", 100)
    answer = await service.get("/v1/credit/shops", as_=WRITER, headers={"Purpose": "x" * 201})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#purpose")


async def slow_request(service: Harness, who: Caller, go: asyncio.Event, *pieces: bytes) -> tuple[int, bytes]:
    """Status and Retry-After of a request whose body comes in pieces, the last of several after `go`."""
    left = list(pieces or (b'{"rubbish":', b"1}"))
    several = len(left) > 1
    told: list[Any] = []

    async def receive() -> Any:
        if several and len(left) == 1:
            await go.wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.append((message["status"], dict(message["headers"]).get(b"retry-after", b"")))

    headers = {"content-type": "application/json", **who.headers(service.clock.now())}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/credit/shops", "raw_path": b"/v1/credit/shops", "query_string": b"", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("test", 80), "state": {},
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    await service.app(scope, receive, send)
    (answer,) = told
    return answer  # type: ignore[no-any-return]


def service_unfinished(service: Harness) -> dict[str, int]:
    inner = service.app._asgi  # type: ignore[attr-defined]
    while not isinstance(inner, RequestContext):
        inner = inner._app
    return dict(inner._unfinished._bodies)


async def test_unfinished_bodies_have_places_for_each_client(service: Harness) -> None:
    """One client that leaves its bodies open takes its own places; another, and its own whole requests, are served."""
    most = service.platform.settings.max_unfinished_bodies
    go = asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        slow = [tasks.create_task(slow_request(service, WRITER, go)) for _ in range(most)]
        while sum(service_unfinished(service).values()) < most:
            await asyncio.sleep(0.01)
        one_more = await slow_request(service, WRITER, go)
        assert one_more == (429, b"2")
        assert (await slow_request(service, WRITER, go, b'{"rubbish":1}'))[0] == 422
        other = WRITER.but(sub="client:another")
        beside = tasks.create_task(slow_request(service, other, go))
        while sum(service_unfinished(service).values()) < most + 1:
            await asyncio.sleep(0.01)
        go.set()
    assert {task.result()[0] for task in [*slow, beside]} == {422}
    assert not service_unfinished(service)
