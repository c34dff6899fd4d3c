"""The wall clock is set back or forward by an hour: what reads it in a loop goes on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from services.credit.app import create_app
from services.credit.settings import Settings
from services.gateway.upstreams.monitor import Monitor, Seen
from shared import retention
from shared.bus.progress import Standing
from shared.db import tables
from shared.db.lease import acquire
from shared.web import app as app_module
from shared.web.hot import HotAnswer
from tests.faults.test_tasks import service_of
from tests.support.app import NOW, Harness, running
from tests.support.databases import Backend


@pytest.fixture
async def credit(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    monkeypatch.setattr(app_module, "_LOOK_SECONDS", 0.02)
    async with running(create_app, Settings, backend) as harness:
        yield harness


async def take(credit: Harness, holder: str) -> bool:
    async with credit.platform.system_unit_of_work() as uow:
        return await acquire(uow.session, "a job", holder, uow.now)


async def test_a_lease_of_before_the_clock_was_set_back_ends(credit: Harness) -> None:
    assert await take(credit, "one")
    assert not await take(credit, "other")
    credit.clock.advance(seconds=-9)
    assert not await take(credit, "other"), "clocks of two machines differ by seconds"
    credit.clock.advance(hours=-1)
    assert await take(credit, "other"), "its holder may be dead: nobody waits for an hour"
    assert not await take(credit, "one")
    credit.clock.advance(hours=1)
    assert await take(credit, "one")


async def test_hot_answers_that_are_fresh_until_an_instant_are_dropped(credit: Harness) -> None:
    cache = credit.platform.hot_cache
    cache.put("key", HotAnswer(b"x", fresh_until=NOW + timedelta(seconds=1)), cache.version)
    credit.clock.advance(minutes=1)
    await asyncio.sleep(0.1)
    assert cache.get("key") is not None, "forward, time ends it"
    credit.clock.advance(hours=-1)
    await credit.until(lambda: cache.get("key") is None, "dropping it")


async def test_connections_are_not_made_anew_for_an_hour(credit: Harness) -> None:
    pool = credit.platform.db.writer.sync_engine.pool
    pool._invalidate_time = 1e12
    credit.clock.advance(hours=-1)
    await credit.until(lambda: pool._invalidate_time == 0, "forgetting the failure")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_events_go_on(credit: Harness, hours: int) -> None:
    """Outbox, relay, audit and readiness after the clock was set."""
    before = credit.rows("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")
    credit.clock.advance(hours=hours)
    async with credit.platform.system_unit_of_work() as uow:
        uow.audit("test", subject="x")
    await credit.settled()
    await credit.until(
        lambda: credit.rows("SELECT count(*) FROM audit_entry WHERE batch IS NULL") == [(0,)], "the seal"
    )
    assert (await credit.get("/readyz")).status_code == 200
    assert credit.rows("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") >= before


async def test_a_process_that_missed_invalidations_drops_all(credit: Harness) -> None:
    """A clock that jumps ahead makes the housekeeping delete rows that another process has not read yet."""
    platform, hot = credit.platform, tables.hot_invalidation
    async with platform.system_unit_of_work() as uow:
        uow.invalidate("seen")
    await platform.hot_cache.follow(platform.db)
    platform.hot_cache.put("key", HotAnswer(b"x", tags=("missed",)), platform.hot_cache.version)
    async with platform.system_unit_of_work() as uow:  # as another process would
        for number, tag in ((2, "missed"), (3, "other")):
            await uow.session.execute(
                hot.insert().values(
                    sequence=platform.hot_cache.sequence + number - 1, tags=orjson.dumps([tag]).decode(), at=uow.now
                )
            )
    credit.clock.advance(hours=1)
    for kind in retention.expiring(platform):
        await retention.sweep(platform, kind, rest=0)
    async with platform.read() as session:
        assert len((await session.execute(select(hot.c.sequence))).all()) == 1, "the newest one stays"
    await platform.hot_cache.follow(platform.db)
    assert platform.hot_cache.get("key") is None


def test_what_the_gateway_knows_lies_never_ahead() -> None:
    seen = Seen(whole_at=NOW, caught_up_at=NOW)
    monitor = Monitor({}, every=1, stale=5)
    monitor.seen["credit"] = seen
    earlier = NOW - timedelta(hours=1)
    assert monitor.current("credit", earlier), "an hour ahead looks fresh"
    seen.know_nothing_after(earlier)
    assert monitor.current("credit", earlier)
    assert not monitor.current("credit", earlier + timedelta(seconds=6)), "it grows old as ever"


async def test_a_consumer_that_is_cut_off_from_the_bus_forgets_the_future(sqlite_backend: Backend) -> None:
    async with service_of("gateway", sqlite_backend) as gateway:
        consumer = gateway.platform.consumer
        await gateway.until(lambda: consumer._subscriber is not None, "the consumer")
        await consumer.progress()
        consumer._standings = {"pinzhi.credit.v1": Standing(0, NOW + timedelta(hours=1))}
        consumer._asking = asyncio.create_task(asyncio.sleep(5))  # the bus does not answer
        assert await consumer.progress() == {}
        consumer._asking.cancel()


async def test_a_sweep_that_failed_at_midnight_is_done_afterwards(
    sqlite_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.indicators.status import lights

    swept, real, broken = [], lights.sweep, False

    async def sweep(uow: object, city: str) -> None:
        if broken:
            raise OSError(28, "No space left on device")
        swept.append(city)
        await real(uow, city)  # type: ignore[arg-type]

    monkeypatch.setattr(lights, "sweep", sweep)
    async with service_of("indicators", sqlite_backend, sweep_seconds=0.02) as indicators:
        indicators.may_fail = True
        assert len(swept) == 1
        broken = True
        indicators.clock.advance(days=1)
        await indicators.until(lambda: any("jobs" in name for name in indicators.platform.failing), "the failure")
        broken = False
        await indicators.until(lambda: len(swept) == 2, "the sweep")
        indicators.clock.advance(days=-1)
        await indicators.until(lambda: len(swept) == 3, "the sweep of the day that is again")
        await asyncio.sleep(0.2)
        assert len(swept) == 3
