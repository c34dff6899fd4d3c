"""The proxy over real sockets: what passes, what is dropped, and an upstream that is slow, broken or killed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import parse_qsl

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.settings import Settings
from services.gateway.upstreams.clients import UPSTREAMS, Upstreams
from shared.ids import uuid7
from tests.gateway.conftest import down
from tests.gateway.servers import Upstream, killable, serving
from tests.support.app import Harness, department, running
from tests.support.databases import Backend


class Door:
    """A client of a gateway that listens on a real socket, and the upstream behind it."""

    def __init__(self, client: httpx.AsyncClient, upstream: Upstream, harness: Harness) -> None:
        self.client, self.upstream, self.harness = client, upstream, harness

    @property
    def upstreams(self) -> Upstreams:
        return UPSTREAMS.of(self.harness.platform)


@pytest.fixture
async def door(sqlite_backend: Backend) -> AsyncIterator[Door]:
    upstream = Upstream()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(upstream))
        settings = {**down(), "credit_url": address, "request_seconds": 3.0}
        harness = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))
        base = await stack.enter_async_context(serving(harness.app))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base))
        yield Door(client, upstream, harness)


async def test_request_passes_whole_and_the_hop_stays_behind(door: Door) -> None:
    answer = await door.client.post(
        "/v1/credit/a%2Fb/echo?x=%2F%2B%20%26&y=1&y=2",
        content=b"body",
        headers={
            "Authorization": "Bearer t",
            "Connection": "keep-alive, X-Secret-Hop",
            "X-Secret-Hop": "1",
            "TE": "trailers",
            "Idempotency-Key": "k",
            "X-Request-Id": "req-1",
            "Forwarded": "for=9.9.9.9",
            "Cookie": "a=b",
        },
    )
    seen = answer.json()
    assert (seen["method"], seen["path"]) == ("POST", "/v1/credit/a%2Fb/echo")
    assert parse_qsl(seen["query"]) == [("x", "/+ &"), ("y", "1"), ("y", "2")]
    assert (seen["body"], seen["headers"]["content-length"]) == ("body", ["4"])
    assert seen["headers"]["authorization"] == ["Bearer t"]
    assert seen["headers"]["idempotency-key"] == ["k"]
    assert seen["headers"]["x-request-id"] == ["req-1"]
    assert not {"te", "x-secret-hop", "x-forwarded-for"} & set(seen["headers"])
    (forwarded,) = seen["headers"]["forwarded"]
    assert forwarded.startswith('for=9.9.9.9, for=127.0.0.1;host="127.0.0.1:')
    assert 0 < int(seen["headers"]["x-request-deadline-ms"][0]) <= 3000
    assert answer.headers["x-kept"] == "yes"
    assert answer.headers["x-request-id"] == "req-1"
    assert "x-hop" not in answer.headers


async def raw_exchange(door: Door, request: bytes) -> bytes:
    """What a client that sends these very bytes gets; clients' libraries would mend them first."""
    base = door.client.base_url
    reader, writer = await asyncio.open_connection(base.host, base.port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("value", ["检查".encode(), b"caf\xe9", "检查".encode("gb18030"), b"\xff\x80"])
async def test_bytes_of_a_header_pass_as_they_are(door: Door, value: bytes) -> None:
    answer = await raw_exchange(
        door,
        b"GET /v1/credit/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nPurpose: " + value + b"\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    (purpose,) = door.upstream.requests[-1]["headers"]["purpose"]
    assert purpose.encode("latin-1") == value


@pytest.mark.parametrize(
    "path",
    [
        "/v1/credit/../../metrics",
        "/v1/credit/%2e%2e/%2e%2e/metrics",
        "/v1/credit/..%2f..%2fmetrics",
        "/v1/credit/./echo",
        "/epcis/../readyz",
        "/v1/credit/echo/..",
    ],
)
async def test_dots_reach_no_upstream(door: Door, path: str) -> None:
    """Neither another route of the owner nor the same one under another name."""
    before = len(door.upstream.requests), door.upstream.calls["/metrics"]
    answer = await raw_exchange(door, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b'"code":"path.dot_segment"' in answer
    assert (len(door.upstream.requests), door.upstream.calls["/metrics"]) == before


async def test_an_encoded_prefix_is_refused(door: Door) -> None:
    answer = await raw_exchange(door, b"GET /v1%2Fcredit/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b'"code":"path.prefix"' in answer
    assert not door.upstream.requests


async def test_one_clients_cookie_never_travels_with_anothers_request(door: Door) -> None:
    await door.client.get("/v1/credit/echo")
    async with httpx.AsyncClient(base_url=door.client.base_url) as another:
        seen = (await another.get("/v1/credit/echo")).json()
    assert "cookie" not in seen["headers"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_pass(door: Door, method: str) -> None:
    answer = await door.client.request(method, "/v1/credit/echo")
    assert answer.status_code == 200
    assert door.upstream.requests[-1]["method"] == method


async def test_status_and_body_of_the_owner_pass(door: Door) -> None:
    assert (await door.client.get("/v1/credit/nothing")).json() == {"code": "path"}
    head = await door.client.head("/v1/credit/big?kb=3")
    assert head.headers["content-length"] == "3072"
    assert len((await door.client.get("/v1/credit/big?kb=3000")).content) == 3_072_000


async def test_bodies_stream_in_both_directions(door: Door) -> None:
    async def upload() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 10_000

    assert (await door.client.post("/v1/credit/echo", content=upload())).json()["bytes"] == 500_000
    arrived: list[float] = []
    clock = asyncio.get_running_loop().time
    async with door.client.stream("GET", "/v1/credit/stream?n=3&gap=0.3") as answer:
        async for _ in answer.aiter_raw():
            arrived.append(clock())
    assert len(arrived) >= 2, "the pieces come as they are sent, not in one lump"


async def test_an_answer_that_breaks_off_is_seen_to_break_off(door: Door) -> None:
    """Never a body that only looks whole."""
    with pytest.raises(httpx.RemoteProtocolError):
        await door.client.get("/v1/credit/half")
    assert (await door.client.get("/v1/credit/echo")).status_code == 200


async def test_reads_are_repeated_and_writes_are_not(door: Door) -> None:
    assert (await door.client.get("/v1/credit/fail?times=2")).json() == {"failed": False}
    assert door.upstream.calls["/v1/credit/fail"] == 3
    door.upstream.calls.clear()
    assert (await door.client.post("/v1/credit/fail?times=1", content=b"x")).status_code == 503
    assert door.upstream.calls["/v1/credit/fail"] == 1
    door.upstream.calls.clear()
    assert (await door.client.get("/v1/credit/fail?times=9&status=500")).status_code == 500
    assert door.upstream.calls["/v1/credit/fail"] == 1


async def test_retry_after_is_honoured_and_passed_on_when_there_is_no_time(door: Door) -> None:
    assert (await door.client.get("/v1/credit/fail?times=1&after=1")).json() == {"failed": False}
    door.upstream.calls.clear()
    answer = await door.client.get("/v1/credit/fail?times=1&after=60")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert door.upstream.calls["/v1/credit/fail"] == 1


async def test_a_service_that_says_why_it_takes_no_writes_is_asked_on(door: Door) -> None:
    """A full disk refuses writes and answers reads: a breaker that opened for it would take the reads too."""
    for _ in range(20):
        answer = await door.client.put("/v1/credit/fail?times=999&code=storage.full&after=1", content=b"x")
        assert (answer.status_code, answer.headers["x-problem-code"]) == (503, "storage.full")
    assert door.upstream.calls["/v1/credit/fail"] == 20, "nothing is gained by a repeat"
    assert door.upstreams.clients["credit"].breaker.failures == 0
    assert (await door.client.get("/v1/credit/echo")).status_code == 200


async def test_retries_stay_within_their_budget(door: Door) -> None:
    upstream = door.upstreams.clients["credit"]
    for _ in range(40):
        upstream.breaker.succeed()
        await door.client.get("/v1/credit/fail?times=999")
    extra = door.upstream.calls["/v1/credit/fail"] - 40
    assert extra <= 10 + 0.2 * 40


async def test_a_slow_upstream_is_a_504_within_the_clients_deadline(door: Door) -> None:
    answer = await door.client.get("/v1/credit/slow?s=20", headers={"X-Request-Deadline-Ms": "200"})
    assert (answer.status_code, answer.json()["code"]) == (504, "upstream.timeout")
    assert answer.headers["content-type"] == "application/problem+json"
    for _ in range(6):
        await door.client.get("/v1/credit/slow?s=20", headers={"X-Request-Deadline-Ms": "1"})
    assert door.upstreams.clients["credit"].breaker.opened_at is None, "impatience opens no breaker"


async def test_a_client_that_breaks_off_its_upload_opens_no_breaker(door: Door) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise RuntimeError("the client is gone")

    for _ in range(6):
        with pytest.raises(RuntimeError):
            await door.client.post("/v1/credit/echo", content=broken())
    assert (await door.client.get("/v1/credit/echo")).status_code == 200
    upstream = door.upstreams.clients["credit"]
    await door.harness.until(lambda: upstream.in_flight == 0, "every slot given back")
    assert upstream.breaker.failures == 0


async def test_a_body_over_the_limit_is_a_413(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * 1024 * 1024

    assert (await door.client.post("/v1/credit/echo", content=endless())).status_code == 413
    assert door.upstreams.clients["credit"].breaker.failures == 0


async def test_an_upstream_that_is_down_is_a_503_and_then_left_alone(door: Door) -> None:
    answer = await door.client.get("/v1/indicators/targets", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (503, "upstream.unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    for _ in range(5):
        assert (await door.client.get("/v1/indicators/targets")).status_code == 503
    upstream = door.upstreams.clients["indicators"]
    assert upstream.breaker.opened_at is not None
    assert 1 <= int((await door.client.get("/v1/indicators/x")).headers["retry-after"]) <= 10


async def test_too_many_at_once_are_told_to_come_back(door: Door) -> None:
    upstream = door.upstreams.clients["credit"]
    upstream.max_in_flight = 2
    tokens = [department("x", client=name).headers(door.harness.clock.now()) for name in ("one", "two", "three")]
    waiting = [asyncio.create_task(door.client.get("/v1/credit/slow?s=1", headers=one)) for one in tokens[:2]]
    await door.harness.until(lambda: upstream.in_flight == 2, "two requests under way")
    refused = await door.client.get("/v1/credit/echo", headers=tokens[2])
    assert (refused.status_code, refused.json()["code"]) == (503, "upstream.busy")
    assert "retry-after" in refused.headers
    assert [(await one).status_code for one in waiting] == [200, 200]
    assert upstream.in_flight == 0


async def test_a_client_that_goes_away_gives_its_slot_back(door: Door) -> None:
    upstream = door.upstreams.clients["credit"]
    async with door.client.stream("GET", "/v1/credit/stream?n=1000&gap=0.05") as answer:
        await anext(answer.aiter_raw())
        assert upstream.in_flight == 1
    await door.harness.until(lambda: upstream.in_flight == 0, "the slot")


async def test_a_service_killed_in_the_middle_of_its_answer(sqlite_backend: Backend) -> None:
    """SIGKILL: the answer under way is seen to break off, the next ones are 503, and the door itself stays open."""
    async with AsyncExitStack() as stack:
        address, process = await stack.enter_async_context(killable())
        settings = {**down(), "credit_url": address}
        harness = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))
        base = await stack.enter_async_context(serving(harness.app))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base))

        async def read() -> None:
            async with client.stream("GET", "/v1/credit/stream?n=1000&gap=0.05") as answer:
                async for _ in answer.aiter_raw():
                    process.send_signal(signal.SIGKILL)

        with pytest.raises(httpx.RemoteProtocolError):
            await read()
        process.wait()
        assert (await client.get("/v1/credit/echo")).status_code == 503
        assert (await client.get("/v1/overview")).status_code == 200
        assert UPSTREAMS.of(harness.platform).clients["credit"].in_flight == 0


async def test_a_service_that_was_killed_and_is_back_is_asked_as_soon_as_a_look_finds_it_ready(
    sqlite_backend: Backend,
) -> None:
    async with AsyncExitStack() as stack:
        address, process = await stack.enter_async_context(killable())
        settings = {**down(), "credit_url": address, "monitor_seconds": 0.05}
        harness = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))
        base = await stack.enter_async_context(serving(harness.app))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base))
        upstreams = UPSTREAMS.of(harness.platform)
        breaker, seen = upstreams.clients["credit"].breaker, upstreams.monitor.seen["credit"]
        breaker.open_seconds = 3600.0  # so that nothing but a look lets a request through
        assert (await client.post("/v1/credit/echo", content=b"1")).status_code == 200

        process.send_signal(signal.SIGKILL)
        process.wait()
        for _ in range(5):
            assert (await client.post("/v1/credit/echo", content=b"2")).status_code == 503
        assert breaker.opened_at is not None
        await harness.until(lambda: seen.state == "down", "a look that finds nobody")
        assert (await client.post("/v1/credit/echo", content=b"3")).status_code == 503

        await stack.enter_async_context(killable(port=httpx.URL(address).port or 0))
        await harness.until(lambda: seen.state == "up", "a look that finds it ready")
        assert (await client.post("/v1/credit/echo", content=b"4")).status_code == 200
        assert breaker.opened_at is None


async def test_paths_that_are_no_paths(door: Door) -> None:
    for path in ("/v1/credit/%00", "/v1/credit/%FF", "/v1/credit/..%2F..%2Fetc", "/v1/credit/" + "x" * 5000):
        assert (await door.client.get(path)).status_code < 500, path
    assert (await door.client.get(f"/v1/unknown/{uuid7()}")).status_code == 404
