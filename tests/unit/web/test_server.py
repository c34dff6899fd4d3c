"""The bounds of the server's protocol, over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from tests.support.serving import Answer, Wire, served, wire


class App:
    """Answers when it has the whole body; `/slow` waits for `go`, `/early` answers before it reads."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []
        self.gone = 0
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope)
        body = b""
        while scope["path"] != "/early":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            body += message["body"]
            if not message["more_body"]:
                break
        if scope["path"] == "/slow":
            await self.go.wait()
        told = json.dumps([scope["path"], len(body)]).encode()
        headers = [(b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})


@asynccontextmanager
async def running(**bounds: Any) -> AsyncIterator[tuple[App, int]]:
    app = App()
    async with served(app, **bounds) as port:
        yield app, port


async def asked(port: int, data: bytes) -> Answer:
    async with wire(port) as it:
        await it.send(data)
        return await it.answer()


def refused(answer: Answer, status: int, code: str, limit: float | None) -> None:
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"], problem.get("limit")) == (status, code, limit), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    if limit is not None:
        assert f"{limit:g}" in problem["detail"]


def head(*lines: bytes, path: bytes = b"/", host: bytes | None = b"test", method: bytes = b"GET") -> bytes:
    hosts = [b"Host: " + host] if host is not None else []
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", *hosts, *lines, b"", b""])


GOOD = head(b"Accept: */*")


async def test_each_bound_and_the_same_request_just_within_it() -> None:
    async with running() as (app, port):
        within = [
            (head(*[b"X-%d: 1" % n for n in range(99)]), 200),
            (head(b"X: " + b"y" * 32_000), 200),
            (head(path=b"/" + b"u" * 8_190), 200),
        ]
        for data, status in within:
            assert (await asked(port, data)).status == status
        refused(await asked(port, head(*[b"X-%d: 1" % n for n in range(100)])), 431, "header_count", 100)
        refused(await asked(port, head(b"X: " + b"y" * 33_000)), 431, "head_size", 32_768)
        refused(await asked(port, head(b"X: y", b"Y: " + b"y" * 32_760)), 431, "head_size", 32_768)
        refused(await asked(port, head(path=b"/" + b"u" * 8_200)), 414, "url_size", 8_192)
        assert len(app.seen) == 3


async def test_ten_thousand_small_headers_are_not_parsed_to_the_end() -> None:
    async with running() as (app, port):
        refused(await asked(port, head(*[b"a%d: b" % n for n in range(10_000)])), 431, "header_count", 100)
        assert (await asked(port, GOOD)).status == 200
        assert len(app.seen) == 1


@pytest.mark.parametrize("line", [b"a: b\r\n", b"x", b"Some-Long-Name"], ids=["lines", "one value", "one name"])
async def test_a_head_without_an_end_takes_no_memory(line: bytes) -> None:
    """The client learns why while it still sends."""
    async with running() as (app, port), wire(port) as it:
        await it.send(b"GET / HTTP/1.1\r\nHost: test\r\nX: ")
        sending = asyncio.create_task(it.send(line * (4_000_000 // len(line))))
        answer = await it.answer()
        assert answer.status == 431
        sending.cancel()
        assert not app.seen


async def test_trailers_are_bounded_and_no_headers_of_the_request() -> None:
    body = b"1\r\nx\r\n0\r\nAuthorization: Bearer forged\r\n\r\n"
    async with running() as (app, port):
        data = head(b"Transfer-Encoding: chunked", method=b"POST") + body
        assert (await asked(port, data)).status == 200
        assert b"authorization" not in dict(app.seen[0]["headers"])
        endless = head(b"Transfer-Encoding: chunked", method=b"POST") + b"1\r\nx\r\n0\r\n" + b"A: b\r\n" * 200_000
        assert (await asked(port, endless)).status == 400
        extension = head(b"Transfer-Encoding: chunked", method=b"POST") + b"1;" + b"x" * 1_000_000
        assert (await asked(port, extension)).status == 400


async def test_a_large_body_is_no_large_head() -> None:
    async with running() as (_, port), wire(port) as it:
        for _ in range(3):
            size = 700_001
            await it.send(head(b"Content-Length: %d" % size, method=b"POST") + b"x" * size + GOOD[:40])
            assert json.loads((await it.answer()).body) == ["/", size]
            await it.send(GOOD[40:])
            assert (await it.answer()).status == 200


async def test_slow_heads_time_out_and_quick_clients_do_not_wait() -> None:
    async with running(head_seconds=0.4) as (app, port), AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(wire(port)) for _ in range(20)]

        async def drip(it: Wire) -> Answer:
            await it.send(b"GET / HTTP/1.1\r\n")
            for letter in b"X" * 200:
                await it.send(bytes([letter]))
                await asyncio.sleep(0.05)
                if it.reader._buffer:  # type: ignore[attr-defined]
                    break
            return await it.answer()

        dripping = asyncio.gather(*map(drip, slow))
        await asyncio.sleep(0.1)
        assert (await asked(port, GOOD)).status == 200
        for answer in await dripping:
            refused(answer, 408, "head_slow", 0.4)
        assert len(app.seen) == 1


async def test_nothing_and_empty_lines_are_idle() -> None:
    async with running(idle_seconds=0.4) as (_, port), wire(port) as silent, wire(port) as empty:
        for _ in range(8):
            await empty.send(b"\r\n")
            await asyncio.sleep(0.02)
        assert (await silent.ended(), await empty.ended()) == (b"", b"")


@pytest.mark.parametrize("pause", [0.05, 5.0], ids=["slow", "silent"])
async def test_slow_bodies_time_out_and_the_app_learns_of_it(pause: float) -> None:
    async with running(body_seconds=0.5, body_rate=1000) as (app, port), wire(port) as it:
        await it.send(head(b"Content-Length: 100000", method=b"POST"))

        async def drip() -> None:
            while True:
                await it.send(b"x")
                await asyncio.sleep(pause)

        dripping = asyncio.create_task(drip())
        refused(await it.answer(), 408, "body_slow", 1000)
        dripping.cancel()
        assert app.gone == 1


async def test_a_body_of_the_least_rate_is_taken() -> None:
    async with running(body_seconds=0.3, body_rate=1000) as (_, port), wire(port) as it:
        await it.send(head(b"Content-Length: 8000", method=b"POST"))
        for _ in range(8):
            await it.send(b"x" * 1000)
            await asyncio.sleep(0.15)
        assert (await it.answer()).status == 200


async def test_a_slow_service_is_not_the_clients_fault() -> None:
    async with running(body_seconds=0.2, head_seconds=0.2, idle_seconds=0.2) as (app, port), wire(port) as it:
        await it.send(head(path=b"/slow"))
        await asyncio.sleep(1.0)
        app.go.set()
        assert (await it.answer()).status == 200


async def test_too_many_pipelined_requests() -> None:
    """Those that have a place are answered, in order; then the connection ends."""
    async with running() as (app, port), wire(port) as it:
        await it.send(b"".join(head(path=path) for path in [b"/slow", *[b"/%d" % n for n in range(5_000)]]))
        await asyncio.sleep(0.1)
        assert len(app.seen) == 1
        app.go.set()
        paths = [json.loads((await it.answer()).body)[0] for _ in range(17)]
        assert paths == ["/slow", *[f"/{n}" for n in range(16)]]
        assert await it.ended() == b""
        assert len(app.seen) == 17
    async with running() as (_, port), wire(port) as it:
        await it.send(b"".join(head(path=b"/%d" % n) for n in range(10)))
        assert [json.loads((await it.answer()).body)[0] for _ in range(10)] == [f"/{n}" for n in range(10)]


async def test_hosts_folds_and_octets() -> None:
    async with running() as (app, port):
        refused(await asked(port, head(host=None)), 400, "host", None)
        refused(await asked(port, head(b"Host: other")), 400, "host", None)
        assert (await asked(port, b"GET / HTTP/1.0\r\n\r\n")).status == 200
        refused(await asked(port, head(b"X: a\r\n b")), 400, "http", None)
        refused(await asked(port, b"\x16\x03\x01 hello\r\n\r\n"), 400, "http", None)
        app.seen.clear()
        assert (await asked(port, head(b"X-Name: \xe5\x93\x81\xff"))).status == 200
        assert dict(app.seen[0]["headers"])[b"x-name"] == b"\xe5\x93\x81\xff"


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b" ",
        b"a b",
        b"a b<script>",
        b"<script>",
        b'a"',
        b"a/b",
        b"a?b",
        b"a#b",
        b"me@a",
        b"a\\b",
        b"a,b c",
        b"\xe5\x93\x81",
        b":80",
        b"a:80:80",
        b"a:x",
        b"a:999999",
        b"[::1",
        b"::1",
        b"[::g]",
        b"[]",
        b"a\tb",
        b"http://a",
        b"a, b",
    ],
)
async def test_what_is_no_host_is_refused(host: bytes) -> None:
    async with running() as (app, port):
        refused(await asked(port, head(host=host)), 400, "host", None)
        refused(await asked(port, b"GET / HTTP/1.0\r\nHost: " + host + b"\r\n\r\n"), 400, "host", None)
        assert app.seen == []


@pytest.mark.parametrize(
    "host",
    [
        b"test",
        b"a.example",
        b"A.EXAMPLE:443",
        b"a.example.",
        b"127.0.0.1:8000",
        b"[::1]:8000",
        b"[::ffff:10.0.0.1]",
        b"my_service-1:80",
        b"a:",
        b"xn--fiq228c.cn",
        b"%E5%93%81.cn",
        b"a \t",
    ],
)
async def test_hosts_as_they_are(host: bytes) -> None:
    async with running() as (_, port):
        assert (await asked(port, head(host=host))).status == 200


async def test_an_address_has_its_places_and_others_have_theirs() -> None:
    """Idle connections make room; beyond that the address is refused, and another one is not."""
    async with running(connections_per_address=5) as (app, port), AsyncExitStack() as stack:
        mine = [await stack.enter_async_context(wire(port)) for _ in range(5)]
        for it in mine[1:]:
            await it.send(b"GET / HTTP/1.1\r\n")
        await mine[0].send(GOOD)
        assert (await mine[0].answer()).status == 200
        async with wire(port) as it:
            await it.send(b"GET / HTTP/1.1\r\n")
            assert await mine[0].ended() == b"", "the idle one went"
            async with wire(port) as more:
                answer = await more.answer()
                refused(answer, 429, "connections_per_address", 5)
                assert answer.headers["retry-after"] == "2"
            async with wire(port, "127.0.0.2") as other:
                await other.send(GOOD)
                assert (await other.answer()).status == 200
        assert len(app.seen) == 2


async def test_named_addresses_stand_for_many_clients() -> None:
    bounds = {"connections_per_address": 2, "exempt": ("127.0.0.0/8",)}
    async with running(**bounds) as (_, port), AsyncExitStack() as stack:
        mine = [await stack.enter_async_context(wire(port)) for _ in range(8)]
        for it in mine:
            await it.send(GOOD[:20])
        for it in mine:
            await it.send(GOOD[20:])
            assert (await it.answer()).status == 200


async def test_a_full_server_ends_the_unfinished_requests_of_who_has_most() -> None:
    async with running(connections=6) as (app, port), AsyncExitStack() as stack:
        many = [await stack.enter_async_context(wire(port, "127.0.0.3")) for _ in range(6)]
        for it in many:
            await it.send(GOOD[:20])
        await asyncio.sleep(0.05)
        async with wire(port, "127.0.0.2") as other:
            await other.send(GOOD)
            assert (await other.answer()).status == 200
        assert await many[0].ended() == b""
        assert len(app.seen) == 1


async def test_a_full_server_keeps_what_it_works_on() -> None:
    async with running(connections=3) as (app, port), AsyncExitStack() as stack:
        many = [await stack.enter_async_context(wire(port, "127.0.0.3")) for _ in range(3)]
        for it in many:
            await it.send(head(path=b"/slow"))
        while len(app.seen) < 3:
            await asyncio.sleep(0.01)
        async with wire(port, "127.0.0.2") as other:
            answer = await other.answer()
            refused(answer, 503, "connections", 3)
            assert answer.headers["retry-after"] == "2"
        app.go.set()
        assert [(await it.answer()).status for it in many] == [200] * 3


async def test_who_takes_no_answers_is_let_go() -> None:
    """The service has answered; the client reads nothing."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        ended.set()

    ended = asyncio.Event()
    async with served(app, stalled_seconds=0.4) as port, wire(port) as it:
        it.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await it.send(GOOD)
        async with asyncio.timeout(8):
            await ended.wait()


async def test_an_answer_before_the_body_ends_with_the_body_unread() -> None:
    async with running(body_seconds=0.3) as (_, port), wire(port) as it:
        await it.send(head(b"Content-Length: 1000000", path=b"/early", method=b"POST"))
        assert (await it.answer()).status == 200
        assert await it.ended() == b""
