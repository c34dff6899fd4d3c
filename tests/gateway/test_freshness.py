"""Sources that come and go: every part says how old it is, no aggregate fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from services.gateway.app import create_app
from services.gateway.settings import Settings
from services.gateway.upstreams.clients import UPSTREAMS
from services.gateway.upstreams.monitor import Monitor
from shared.bus import consumer
from shared.bus.progress import Standing
from shared.db.types import utc_text
from tests.gateway import samples as s
from tests.gateway.servers import Upstream, serving
from tests.support.app import Harness, running, staff
from tests.support.databases import Backend

OPERATOR = staff("administrator")

URL = f"/v1/enterprises/{s.ORCHARD}"
NAMES = ("indicators", "credit", "traceability")


class City:
    """A gateway whose upstreams can be stopped and started."""

    def __init__(self, harness: Harness, upstreams: dict[str, Upstream], stacks: dict[str, AsyncExitStack]) -> None:
        self.harness, self.upstreams, self._stacks = harness, upstreams, stacks

    @property
    def monitor(self) -> Monitor:
        return UPSTREAMS.of(self.harness.platform).monitor

    async def stop(self, name: str) -> None:
        await self._stacks.pop(name).aclose()
        await self.becomes(name, current=False)

    async def becomes(self, name: str, *, current: bool) -> None:
        """And a whole look has noticed it: only then are answers dropped that were right before."""
        now = self.harness.clock.now

        def noticed() -> bool:
            return self.monitor.current(name, now()) is current is self.monitor._current[name]

        await self.harness.until(noticed, f"{name} current={current}")


@pytest.fixture
async def city(sqlite_backend: Backend) -> AsyncIterator[City]:
    upstreams = {name: Upstream(name) for name in NAMES}
    async with AsyncExitStack() as outer:
        stacks = {name: await outer.enter_async_context(AsyncExitStack()) for name in NAMES}
        urls = {f"{name}_url": await stacks[name].enter_async_context(serving(upstreams[name])) for name in NAMES}
        harness = await outer.enter_async_context(
            running(create_app, Settings, sqlite_backend, **urls, monitor_seconds=0.05)
        )
        made = City(harness, upstreams, stacks)
        for name in NAMES:
            await made.becomes(name, current=True)
        yield made


async def test_all_alive_is_current_and_the_bytes_stay_the_same(city: City) -> None:
    await city.harness.deliver(s.enterprise(), s.listed(), s.product())
    first = await city.harness.get(URL)
    assert first.json()["complete"] is True
    assert first.json()["parts"]["credit"] == {
        "current": True,
        "as_of": None,
        "age_seconds": None,
        "changed_at": utc_text(city.harness.clock.now()),
    }
    assert "age" not in first.headers
    city.harness.clock.advance(seconds=2)
    assert (await city.harness.get(URL, headers={"If-None-Match": first.headers["etag"]})).status_code == 304


async def test_a_service_dies_and_its_part_grows_old(city: City) -> None:
    await city.harness.deliver(s.enterprise(), s.listed(), s.product(), s.lot())
    assert (await city.harness.get(URL)).json()["parts"]["credit"]["current"] is True
    died_at = city.harness.clock.now()
    await city.stop("credit")
    city.harness.clock.advance(minutes=18)
    for name in ("indicators", "traceability"):
        await city.becomes(name, current=True)
    answer = await city.harness.get(URL)
    body = answer.json()
    assert (answer.status_code, body["complete"], body["errors"]) == (200, True, [])
    assert body["credit"]["status"] == "black"
    assert body["parts"]["credit"]["as_of"] == utc_text(died_at)
    assert body["parts"]["credit"]["age_seconds"] == 18 * 60
    assert body["parts"]["traceability"]["current"] is True
    assert answer.headers["age"] == "1080"
    scan = (await city.harness.get(f"/v1/scan{s.CODE}")).json()
    assert (scan["verdict"], scan["parts"]["traceability"]["current"]) == ("safe", True)
    assert scan["producer"]["credit"]["as_of"] == utc_text(died_at)


async def test_it_comes_back_and_the_answer_is_current_again(city: City) -> None:
    await city.harness.deliver(s.enterprise())
    await city.stop("credit")
    assert (await city.harness.get(URL)).json()["parts"]["credit"]["current"] is False
    port = int(UPSTREAMS.of(city.harness.platform).clients["credit"].base_url.rsplit(":", 1)[1])
    async with serving(city.upstreams["credit"], port=port):
        await city.becomes("credit", current=True)
        assert (await city.harness.get(URL)).json()["parts"]["credit"]["current"] is True


async def test_events_that_wait_in_the_outbox_make_a_part_old(city: City) -> None:
    await city.harness.deliver(s.enterprise())
    city.upstreams["credit"].lag |= {"outbox_pending": 7, "outbox_oldest_seconds": 60.0}
    city.harness.clock.advance(seconds=60)
    await city.harness.until(lambda: city.monitor.seen["credit"].outbox_pending == 7, "a look at the outbox")
    await city.becomes("traceability", current=True)
    part = (await city.harness.get(URL)).json()["parts"]["credit"]
    assert (part["current"], part["age_seconds"]) == (False, 60)
    state = {one["name"]: one for one in (await city.harness.get("/v1/state")).json()["services"]}
    assert (state["credit"]["state"], state["credit"]["outbox_pending"]) == ("up", 7)


async def test_a_service_that_is_not_ready_says_why(city: City) -> None:
    city.upstreams["credit"].lag["reasons"] = {"consumer": "bus is away"}
    await city.harness.until(lambda: city.monitor.seen["credit"].state == "degraded", "a look at credit")
    state = {one["name"]: one for one in (await city.harness.get("/v1/state")).json()["services"]}
    assert state["credit"]["detail"] == "consumer: bus is away"
    assert state["indicators"]["state"] == "up"


async def test_our_own_lag_makes_a_part_old(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    await city.harness.deliver(s.enterprise())

    async def behind() -> dict[str, Standing]:
        now = city.harness.clock.now()
        whole = {f"pinzhi.{name}.v1": Standing(0, now) for name in ("traceability", "indicators")}
        return whole | {"pinzhi.credit.v1": Standing(12, before)}

    before = city.harness.clock.now()
    monkeypatch.setattr(city.harness.platform.consumer, "progress", behind)
    await city.harness.until(lambda: city.monitor.seen["credit"].lag_records == 12, "a look at the lag")
    city.harness.clock.advance(minutes=1)
    await city.becomes("traceability", current=True)
    part = (await city.harness.get(URL)).json()["parts"]["credit"]
    assert part["as_of"] == utc_text(before)
    assert timedelta(seconds=part["age_seconds"]) == timedelta(minutes=1)


async def test_a_bus_that_is_away_makes_all_parts_old_in_hot_answers_too(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    await city.harness.deliver(s.enterprise())
    await city.becomes("credit", current=True)
    await city.becomes("traceability", current=True)
    assert all(part["current"] for part in (await city.harness.get(URL)).json()["parts"].values())

    looks: list[None] = []

    async def away() -> dict[str, Standing]:
        looks.append(None)
        raise OSError("kafka: KafkaConnectionError")

    monkeypatch.setattr(city.harness.platform.consumer, "progress", away)
    await city.harness.until(lambda: len(looks) > 1, "looks at a bus that is away")
    city.harness.clock.advance(seconds=30)
    # An answer that is made before a look has noticed is dropped after a second of a clock that stands still here.
    noticed = len(looks) + 1
    await city.harness.until(lambda: len(looks) > noticed, "a whole look after the clock went on")
    await answered(city, current=False)
    assert all(part["age_seconds"] >= 25 for part in (await city.harness.get(URL)).json()["parts"].values())
    monkeypatch.undo()
    await answered(city, current=True)


async def answered(city: City, *, current: bool) -> None:
    """Waits for an answer all of whose parts are so: the next look drops the bytes that are not true any more."""
    async with asyncio.timeout(20):
        while any(p["current"] is not current for p in (await city.harness.get(URL)).json()["parts"].values()):
            await asyncio.sleep(0.02)


async def test_readiness_does_not_wait_for_a_bus_that_is_silent(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(consumer, "_SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(city.harness.platform.consumer._subscriber, "places", silent)
    async with asyncio.timeout(20):
        while (answer := await city.harness.get("/readyz", as_=OPERATOR)).status_code == 200:  # one may be asked still
            await asyncio.sleep(0.02)
    assert answer.status_code == 503
    assert answer.json()["reasons"]["bus"].startswith("no answer for")
    assert answer.json()["consumer_lag"]["pinzhi.credit.v1"] == 0, "as last known"


async def test_the_public_is_told_that_something_is_down_and_not_how_it_is_inside(city: City) -> None:
    city.harness.platform.failing["relay"] = "OSError: /var/lib/pinzhi/bus.db"
    answer, told = await city.harness.get("/readyz"), await city.harness.get("/readyz", as_=OPERATOR)
    assert (answer.status_code, told.status_code) == (503, 503)
    assert set(answer.json()) == {"service", "status", "reasons", "warnings"}
    assert list(answer.json()["reasons"]) == ["relay"]
    assert "bus.db" not in answer.text
    assert told.json()["reasons"]["relay"] == "OSError: /var/lib/pinzhi/bus.db"
    assert (await city.harness.get("/readyz", as_=staff("case_officer"))).json() == answer.json()
    del city.harness.platform.failing["relay"]
