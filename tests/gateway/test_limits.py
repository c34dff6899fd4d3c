"""What one client or address may ask for in a second: told on every answer, refused beyond it, fair to many phones."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.gateway.app import create_app
from services.gateway.settings import Settings
from shared.events.gateway import ScansRecorded
from shared.web.limits import RateLimits
from tests.gateway import samples as s
from tests.gateway.conftest import down
from tests.support.app import Harness, department, running
from tests.support.databases import Backend
from tests.support.raw import Answer

UNIT = department("credit:violations:read", client="unit-1")
OTHER = department("credit:violations:read", client="unit-2")
SCAN, PAGE = f"/v1/scan{s.CODE}", "/v1/feed"


class Watch:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.25

    def __call__(self) -> float:
        return self.now


class Door:
    """The gateway behind limits whose second does not pass by itself."""

    def __init__(self, harness: Harness, watch: Watch) -> None:
        self.harness, self.watch = harness, watch
        settings = harness.platform.settings
        assert isinstance(settings, Settings)
        behind = harness.app._asgi._app  # type: ignore[attr-defined] - the limits stand outermost
        self.app = RateLimits(behind, harness.platform, settings.limits(), watch)

    async def ask(self, path: str, *, host: str = "10.0.0.1", caller: Any = None, token: str | None = None) -> Answer:
        headers = caller.headers(self.harness.clock.now()) if caller else {}
        if token is not None:
            headers = {"authorization": f"Bearer {token}"}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"test"), *((k.lower().encode(), v.encode()) for k, v in headers.items())],
            "client": (host, 40000),
            "server": ("test", 80),
            "state": {},
        }
        start: dict[str, Any] = {}
        body = b""

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            nonlocal body
            start.update(message if message["type"] == "http.response.start" else {})
            body += message.get("body", b"")

        await self.app(scope, receive, send)
        told = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], told, body)

    def scans(self) -> tuple[int, list[tuple[str | None, int]]]:
        """How many were logged one by one, and the numbers of the others by lot."""
        batches = self.harness.published(ScansRecorded)
        counts = [(each.lot, each.times) for batch in batches for each in batch.counts]
        return sum(len(batch.scans) for batch in batches), counts


@pytest.fixture
async def door(sqlite_backend: Backend) -> AsyncIterator[Door]:
    settings = {"requests_per_second": 10, "client_requests_per_second": 6, "scans_logged_per_second": 4}
    async with running(create_app, Settings, sqlite_backend, **down(), **settings) as harness:
        yield Door(harness, Watch())


async def test_every_answer_tells_what_is_left(door: Door) -> None:
    for used in (1, 2):
        answer = await door.ask(PAGE)
        assert answer.status == 200
        assert answer.headers["ratelimit-policy"] == '"address";q=10;w=1'
        assert answer.headers["ratelimit"] == f'"address";r={10 - used};t=1'
    hot = await door.ask(SCAN)
    assert (hot.headers["ratelimit-policy"], hot.headers["ratelimit"]) == ('"scan";q=10;w=1', '"scan";r=9;t=1')
    assert (await door.ask("/nowhere")).headers["ratelimit"] == '"address";r=7;t=1'


async def test_beyond_it_429_with_the_way_out_and_the_next_second_begins_anew(door: Door) -> None:
    assert [(await door.ask(SCAN)).status for _ in range(11)] == [200] * 10 + [429]
    refused = await door.ask(SCAN)
    assert (refused.code, refused.headers["retry-after"]) == ("rate_limited", "1")
    assert refused.headers["ratelimit"] == '"scan";r=0;t=1'
    assert '"limit":10' in refused.body.decode()
    assert (await door.ask(PAGE)).status == 200, "another limit"
    assert (await door.ask(SCAN, host="10.0.0.2")).status == 200, "another address"
    door.watch.now += 0.74  # the same second still
    assert (await door.ask(SCAN)).status == 429
    door.watch.now += 0.02
    assert (await door.ask(SCAN)).status == 200


async def test_a_client_is_known_by_its_token_from_wherever_it_comes(door: Door) -> None:
    statuses = [(await door.ask(PAGE, host=f"10.0.1.{n}", caller=UNIT)).status for n in range(7)]
    assert statuses == [200] * 6 + [429]
    assert (await door.ask(PAGE, host="10.0.1.1", caller=OTHER)).status == 200
    assert (await door.ask(PAGE, host="10.0.1.1")).headers["ratelimit"] == '"address";r=9;t=1'


async def test_nobody_spends_the_quota_of_another(door: Door) -> None:
    """A token that does not hold is nobody's: it counts for the address, whatever name stands in it."""
    forged = UNIT.but(kid="stranger").token(door.harness.clock.now())
    for _ in range(10):
        assert (await door.ask(PAGE, token=forged)).headers["ratelimit-policy"] == '"address";q=10;w=1'
    assert (await door.ask(PAGE, token=forged)).status == 429
    assert (await door.ask(PAGE, caller=UNIT)).headers["ratelimit"] == '"client";r=5;t=1'


async def test_a_subscriber_of_ipv6_is_one_address(door: Door) -> None:
    for n in range(10):
        assert (await door.ask(PAGE, host=f"2001:db8:1:2::{n:x}")).status == 200
    assert (await door.ask(PAGE, host="2001:db8:1:2:ffff::1")).status == 429
    assert (await door.ask(PAGE, host="2001:db8:1:3::1")).status == 200
    for _ in range(10):
        await door.ask(PAGE, host="::ffff:10.9.9.9")
    assert (await door.ask(PAGE, host="10.9.9.9")).status == 429


async def test_scans_of_a_busy_address_are_answered_and_only_counted(door: Door) -> None:
    """Four are logged one by one, six only counted, and what is refused is neither."""
    statuses = [(await door.ask(SCAN)).status for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert (await door.ask(SCAN, host="10.0.0.2")).status == 200
    await door.harness.until(lambda: sum(times for _, times in door.scans()[1]) == 6, "the flush of scans")
    await door.harness.until(lambda: door.scans()[0] == 5, "the flush of scans")
    assert {lot for lot, _ in door.scans()[1]} == {s.LOT}


def test_the_promises_hold_with_the_settings_that_ship() -> None:
    """An address under 200 scans a second is never refused, and none is before 1,000."""
    settings = Settings()
    assert settings.scans_logged_per_second == 200
    assert {limit.quota for limit in settings.limits()} == {1000}
