"""One client cannot take all places: slow bodies and many requests through the door, a second client beside them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.settings import Settings
from services.gateway.upstreams.clients import UPSTREAMS
from tests.gateway.conftest import down
from tests.gateway.servers import Upstream, serving
from tests.support.app import Harness, department, running
from tests.support.callers import Caller
from tests.support.databases import Backend
from tests.support.serving import Wire, served, wire

ATTACKER, OTHER = department("x", client="attacker"), department("x", client="other")


@pytest.fixture
async def door(sqlite_backend: Backend) -> AsyncIterator[tuple[Harness, int]]:
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(Upstream()))
        settings = {**down(), "credit_url": address}
        harness = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))
        yield harness, await stack.enter_async_context(served(harness.app, harness.platform.settings, body_seconds=3.0))


def token(harness: Harness, who: Caller) -> bytes:
    return who.headers(harness.clock.now())["Authorization"].encode()


async def test_a_hundred_slow_bodies_of_one_client_leave_room(door: tuple[Harness, int]) -> None:
    """100 connections with a valid token: 16 keep a place until they are too slow, the others learn why."""
    harness, port = door
    head = (
        b"POST /v1/credit/echo HTTP/1.1\r\nHost: test\r\nAuthorization: %s\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{" % token(harness, ATTACKER)
    )
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wire(port)) for _ in range(100)]

        async def drip(it: Wire) -> int:
            await it.send(head)
            dripping = asyncio.create_task(drop(it))
            try:
                return (await it.answer(20)).status
            finally:
                dripping.cancel()

        async def drop(it: Wire) -> None:
            while True:
                await asyncio.sleep(0.5)
                await it.send(b" ")

        slow = asyncio.gather(*map(drip, wires))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            for _ in range(8):
                for headers in (OTHER.headers(harness.clock.now()), {}):
                    answer = await client.post("/v1/credit/echo", content=b"{}", headers=headers)
                    assert answer.status_code == 200, answer.text
                await asyncio.sleep(0.3)
        told = Counter(await slow)
        assert set(told) == {429, 408}
        assert told[408] <= harness.platform.settings.max_unfinished_bodies
    upstream = UPSTREAMS.of(harness.platform).clients["credit"]
    await harness.until(lambda: upstream.in_flight == 0 and not upstream._clients, "every place given back")


async def test_half_of_the_places_are_for_others(door: tuple[Harness, int]) -> None:
    harness, port = door
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=20, limits=httpx.Limits(max_connections=None)
    ) as client:
        mine = ATTACKER.headers(harness.clock.now())
        many = [asyncio.create_task(client.get("/v1/credit/slow?s=2", headers=mine)) for _ in range(90)]
        upstream = UPSTREAMS.of(harness.platform).clients["credit"]
        await harness.until(lambda: upstream.in_flight == 50, "half of the places taken")
        answer = await client.get("/v1/credit/echo", headers=OTHER.headers(harness.clock.now()))
        assert answer.status_code == 200
        refused = await client.get("/v1/credit/echo", headers=mine)
        assert (refused.status_code, refused.json()["limit"], refused.headers["retry-after"]) == (429, 50, "1")
        told = Counter(answer.status_code for answer in await asyncio.gather(*many))
        assert told == {200: 50, 429: 40}


async def test_a_deadline_is_a_number(door: tuple[Harness, int]) -> None:
    _, port = door
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for bad in ("9" * 5_000, "-1", "1.5", "soon", "\u0663".encode(), ""):
            answer = await client.get("/v1/credit/echo", headers={"X-Request-Deadline-Ms": bad})
            assert (answer.status_code, answer.json()["code"]) == (400, "deadline"), bad
        for good in ("1000", "999999999"):
            answer = await client.get("/v1/credit/echo", headers={"X-Request-Deadline-Ms": good})
            assert answer.status_code == 200
