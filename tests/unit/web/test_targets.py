"""A full address in the request line: it names the host that Host names, or it is refused."""

import asyncio
import json

import pytest

from tests.support.serving import wire
from tests.unit.web.test_server import asked, head, refused, running


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://test/path?q=1", b"test", 200),
        (b"HTTP://TEST/", b"test", 200),
        (b"http://test:80/", b"test", 200),
        (b"http://test/", b"test:80", 200),
        (b"https://test/", b"test:443", 200),
        (b"http://test/", b"test:", 200),
        (b"http://[::1]:8000/", b"[::1]:8000", 200),
        (b"/http://other/", b"test", 200),
        (b"/?to=http://other/", b"test", 200),
        (b"http://other.example/path", b"test", 400),
        (b"http://test:8080/", b"test", 400),
        (b"https://test/", b"test:80", 400),
        (b"http://test@other/", b"test", 400),
        (b"http://other@test/", b"test", 400),
        (b"http://[::1]:8000/", b"[::2]:8000", 400),
        (b"http://other?test", b"test", 400),
        (b"http:///path", b"test", 400),
    ],
)
async def test_a_full_address_names_the_same_host(target: bytes, host: bytes, status: int) -> None:
    async with running() as (app, port):
        answer = await asked(port, head(path=target, host=host))
        assert answer.status == status, answer
        if status == 400:
            assert json.loads(answer.body)["code"] in ("host", "http")
            assert app.seen == []


async def test_a_full_address_in_pieces_or_without_a_host() -> None:
    async with running() as (app, port):
        async with wire(port) as it:
            await it.send(b"GET http://oth")
            await asyncio.sleep(0.05)
            await it.send(b"er/ HTTP/1.1\r\nHost: test\r\n\r\n")
            refused(await it.answer(), 400, "host", None)
        old = b"GET http://other/ HTTP/1.0\r\n"
        assert (await asked(port, old + b"\r\n")).status == 200
        refused(await asked(port, old + b"Host: test\r\n\r\n"), 400, "host", None)
        assert len(app.seen) == 1
