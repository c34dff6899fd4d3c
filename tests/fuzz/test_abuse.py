"""Clients that want to hurt: too much, too slow, packed, invented; and headers with things in them."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.credit import samples as credit
from tests.fuzz.engine import Raw, ask
from tests.fuzz.test_documents import operations
from tests.fuzz.world import NAMES, Fuzzed
from tests.gateway.servers import serving
from tests.indicators.test_observations import AGRI
from tests.traceability import food

EACH = [f"{name}-sqlite" for name in NAMES]
WRITE = {
    "gateway": "/oauth/token",
    "credit": "/v1/credit/violations",
    "indicators": "/v1/indicators/observations",
    "traceability": "/v1/traceability/tests",
}
GOOD = {
    "credit": credit.violation(77),
    "indicators": AGRI | {"period": "2023"},
    "traceability": food.report(number="SP-SLOW"),
}


def send(fuzzed: Fuzzed, method: str, path: str, body: bytes = b"", **headers: str) -> Raw:
    """As a department with every scope, where the service takes tokens."""
    token = fuzzed.callers["department"].headers(fuzzed.harness.clock.now()) if path != WRITE["gateway"] else {}
    given = {"content-type": "application/json", **token, **{k.replace("_", "-"): v for k, v in headers.items()}}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]
    path, _, query = path.partition("?")
    return fuzzed.loop.run(ask(fuzzed.app, method, path, query.encode(), raw, body))


async def in_pieces(app: Any, path: str, headers: dict[str, str], size: int) -> tuple[int, int]:
    """A body of `size` bytes without a length; the status, and how many bytes the app asked for."""
    taken, status = 0, 0

    async def receive() -> Any:
        nonlocal taken
        piece = min(65_536, size - taken)
        taken += piece
        return {"type": "http.request", "body": b"x" * piece, "more_body": taken < size}

    async def answered(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("test", 80), "state": {},
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    await app(scope, receive, answered)
    return status, taken


@pytest.mark.parametrize("fuzzed", EACH, indirect=True)
def test_bodies_over_the_limit(fuzzed: Fuzzed) -> None:
    """Refused by the length that they announce, or as soon as more has come than may."""
    limit = fuzzed.harness.platform.settings.max_body_bytes
    path = WRITE[fuzzed.name]
    announced = send(fuzzed, "POST", path, b"{}", content_length=str(limit + 1))
    assert (announced.status, announced.header("content-type")) == (413, "application/problem+json")
    media = "application/x-www-form-urlencoded" if fuzzed.name == "gateway" else "application/json"
    headers = {"content-type": media, "transfer-encoding": "chunked"}
    if fuzzed.name != "gateway":
        headers |= fuzzed.callers["department"].headers(fuzzed.harness.clock.now())
    status, taken = fuzzed.loop.run(in_pieces(fuzzed.app, path, headers, 4 * limit))
    assert status == 413
    assert taken <= limit + 65_536, "it read on"


@pytest.mark.parametrize("fuzzed", EACH, indirect=True)
def test_packed_bodies_are_refused(fuzzed: Fuzzed) -> None:
    bomb = gzip.compress(b"[" + b" " * 20_000_000 + b"]")
    assert len(bomb) < 50_000
    for coding in ("gzip", "GZIP", "deflate", "br", "identity, gzip", "x" * 300):
        answer = send(fuzzed, "POST", WRITE[fuzzed.name], bomb, content_encoding=coding)
        assert (answer.status, answer.header("accept-encoding")) == (415, "identity"), coding
    if fuzzed.name != "gateway":
        assert send(fuzzed, "POST", WRITE[fuzzed.name], b"{}", content_encoding="identity").status == 422
        assert 400 <= send(fuzzed, "POST", WRITE[fuzzed.name], bomb).status < 500


IDS = ["x" * 81, "a\r\nSet-Cookie: a=b", "\x00", "é" * 10, "\x7f", ""]
LANGUAGES = ["en;q=nan", "en;q=" + "9" * 3000, "*", ",,,;;;", "en" * 5000, "\x00", "zh;q=-1,en;q=1e999"]
PARENTS = ["00-" + "é" * 32 + "-" + "b" * 16 + "-01", "00-" + "a\r\nx: y".ljust(32) + "-" + "b" * 16 + "-01", "-" * 200]
TOKENS = ["Bearer " + "A" * 40_000, "Bearer W1tbW1tb.e30.e30", "Bearer " + "W1tb" * 2_000 + ".e30.e30", "Bearer é.é.é"]


@pytest.mark.parametrize("fuzzed", EACH, indirect=True)
def test_what_stands_in_headers_ends_there(fuzzed: Fuzzed) -> None:
    """No header of an answer holds a line break, and no id is echoed that could not stand in one."""
    public = f"/v1/{fuzzed.name}/events/lag"
    for path in ("/healthz", public, "/nowhere", WRITE[fuzzed.name]):
        for name, values in {
            "x-request-id": IDS,
            "accept-language": LANGUAGES,
            "traceparent": PARENTS,
            "authorization": TOKENS,
            "if-none-match": ['W/"' + "x" * 9000, "\x00", "*"],
            "accept": ["\x00", "text/" + "x" * 9000, "*/*;q=é"],
            "host": ["evil.example\r\nx: y", "[::", "x" * 5000, "a b"],
            "cookie": ["=;" * 4000],
        }.items():
            for value in values:
                answer = send(fuzzed, "GET", path, **{name: value})
                where = f"{path} {name}: {value[:40]!r}"
                assert answer.status < 500, where
                for key, text in answer.headers:
                    assert not set("\r\n\0") & set(key + text), where
                given = answer.header("x-request-id")
                assert re.fullmatch(r"[!-~]{1,80}", given), where
                if name == "x-request-id":
                    assert given != value, where
    kept = send(fuzzed, "GET", "/healthz", x_request_id="order-17")
    assert kept.header("x-request-id") == "order-17"


@pytest.mark.parametrize("fuzzed", EACH, indirect=True)
def test_invented_methods_are_one_word_in_the_metrics(fuzzed: Fuzzed) -> None:
    for number in range(20):
        assert send(fuzzed, f"INVENTED{number}", "/healthz").status == 405
    told = send(fuzzed, "GET", "/metrics").body.decode()
    assert "INVENTED" not in told
    assert 'method="other"' in told


@pytest.mark.parametrize("fuzzed", EACH, indirect=True)
def test_a_method_that_a_path_does_not_take(fuzzed: Fuzzed) -> None:
    """405 tells in Allow what it takes (RFC 9110, 15.5.6)."""
    taken: dict[str, set[str]] = {}
    for method, path, _operation in operations(fuzzed.document):
        taken.setdefault(path, set()).add(method)
    for path in taken:
        address = re.sub(r"\{[^}]+\}", "x", path)
        answer = send(fuzzed, "TRACE", address)
        assert answer.status == 405, path
        assert answer.header("allow"), path


@pytest.mark.parametrize("fuzzed", ["gateway-sqlite"], indirect=True)
def test_scans_of_ever_new_codes_fill_no_memory(fuzzed: Fuzzed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache stays within its bounds, whoever asks for what; every answer is that nobody registered it."""
    cache = fuzzed.harness.platform.hot_cache
    monkeypatch.setattr(cache, "_size", 100)
    monkeypatch.setattr(cache, "_max_bytes", 200_000)
    headers = [(b"host", b"test"), (b"accept", b"application/json")]

    async def scanned(number: int) -> Raw:
        return await ask(fuzzed.app, "GET", f"/v1/scan/01/{food.RAW}/10/NEW{number}", b"", headers, b"")

    async def all_at_once() -> list[Raw]:
        return await asyncio.gather(*map(scanned, range(1000)))

    answers = fuzzed.loop.run(all_at_once())
    assert {answer.status for answer in answers} == {200}
    assert all(b'"unknown"' in answer.body for answer in answers)
    assert 0 < len(cache._answers) <= 100
    assert cache.bytes == sum(len(kept.answer.body) for kept in cache._answers.values()) <= 200_000
    before = len(cache._answers)
    for number in range(20):
        query = b"x=" + b"y" * 5_000 + str(number).encode()
        assert fuzzed.loop.run(ask(fuzzed.app, "GET", "/v1/overview", query, headers, b"")).status < 500
    assert not [key for key in cache._answers if len(key[1]) > 5_000]
    assert len(cache._answers) <= before + 1
    long = send(fuzzed, "GET", "/v1/scan/" + "9" * 60_000)
    assert long.status == 400


@pytest.fixture
def served(fuzzed: Fuzzed) -> Iterator[str]:
    """The app under a real server, as it runs."""
    stack = AsyncExitStack()

    async def start() -> str:
        return await stack.enter_async_context(serving(fuzzed.app))

    yield fuzzed.loop.run(start())
    fuzzed.loop.run(stack.aclose())


@asynccontextmanager
async def dribbling(port: int, head: bytes, then: bytes, many: int) -> AsyncIterator[None]:
    """Connections that have sent `head`, then a little more, and now wait."""
    writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(many)]
    try:
        for part in (head, then):
            for writer in writers:
                writer.write(part)
                await writer.drain()
        yield
    finally:
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.mark.parametrize("fuzzed", ["indicators-sqlite", "credit-sqlite", "traceability-sqlite"], indirect=True)
def test_slow_clients_hold_up_nobody(fuzzed: Fuzzed, served: str) -> None:
    """Requests that are only half there keep no lock and no connection to the database: others write meanwhile."""
    token = fuzzed.callers["department"].headers(fuzzed.harness.clock.now())
    path = WRITE[fuzzed.name].encode()
    half_headers = b"POST " + path + b" HTTP/1.1\r\nHost: test\r\nContent-Le"
    half_body = (
        b"POST " + path + b" HTTP/1.1\r\nHost: test\r\nAuthorization: " + token["Authorization"].encode()
        + b"\r\nIdempotency-Key: slow\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )  # fmt: skip

    async def others() -> list[int]:
        port = int(served.rsplit(":", 1)[1])
        async with (
            dribbling(port, half_headers, b"n", 40),
            dribbling(port, half_body, b'"', 40),
            httpx.AsyncClient(base_url=served, timeout=30) as client,
        ):
            ready = await client.get("/readyz")
            wrote = await client.post(WRITE[fuzzed.name], json=GOOD[fuzzed.name], headers=token)
            return [ready.status_code, wrote.status_code]

    assert fuzzed.loop.run(others()) == [200, 201]


@pytest.mark.parametrize("fuzzed", ["credit-sqlite"], indirect=True)
def test_the_name_of_a_file_stays_in_its_header(fuzzed: Fuzzed) -> None:
    for name in (
        'a"; filename="evil.html',
        "a%0d%0aX-Evil: 1.pdf",
        "../../etc/passwd",
        "执法.pdf",
        "a%00.pdf",
        "a;b=c",
    ):
        body = b"%PDF-1.4\n" + name.encode() + b"\n%%EOF\n"
        path = f"/v1/credit/attachments?visibility=public&name={name}"
        put = send(fuzzed, "POST", path.replace(" ", "%20").replace("执法", "%E6%89%A7%E6%B3%95"), body,
                   content_type="application/pdf")  # fmt: skip
        assert put.status in {201, 400, 422}, (name, put.body)
        if put.status == 201:
            digest = re.search(rb'"sha256":"([0-9a-f]{64})"', put.body)
            assert digest
            got = send(fuzzed, "GET", f"/v1/credit/attachments/{digest[1].decode()}")
            assert got.status == 200
            shown = got.header("content-disposition")
            assert not set("\r\n\0") & set(shown)
            assert shown.count('"') in {0, 2}, shown
            assert "x-evil" not in {key.lower() for key, _ in got.headers}
            assert got.header("content-type") == "application/pdf"
            assert got.header("x-content-type-options") == "nosniff"
