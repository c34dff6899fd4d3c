"""What is kept for a while goes in bounded steps, and nothing else goes with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from shared import retention
from shared.clock import FixedClock
from shared.db import metadata_of, tables
from shared.db.sql import insert_rows
from shared.platform import Platform
from shared.settings import ServiceSettings
from tests.contract.city import PUBLISHER, PublisherTable, publish, updated
from tests.support.app import NOW
from tests.support.databases import Backend
from tests.support.growth import STATES, State, analyse, forget, rows_read, sql

STEP = 1000
OLD, YOUNG = NOW - timedelta(hours=7), NOW - timedelta(hours=5)


@asynccontextmanager
async def bare(backend: Backend, url: str | None = None) -> AsyncIterator[Platform]:
    """A platform whose background tasks do not run."""
    settings = ServiceSettings(
        data_dir=backend.folder,
        database_url=url or backend.bare(metadata_of(PublisherTable)),
        bus_url="memory:",
        log_level="error",
    )
    platform = PUBLISHER.platform(settings, clock=FixedClock(NOW))
    try:
        yield platform
    finally:
        await platform.db.close()


def rows(start: int, count: int, published: Any) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"e{number}",
            "topic": "t",
            "key": f"K{number}",
            "sequence": 1,
            "type": "x",
            "headers": "{}",
            "data": b"{}",
            "created_at": OLD,
            "published_at": published,
        }
        for number in range(start, start + count)
    ]


async def fill(platform: Platform, *parts: tuple[int, Any]) -> None:
    """Outbox rows in order: `(how many, when they were published)`."""
    start = 0
    async with platform.db.write_session() as session, session.begin():
        for count, published in parts:
            await insert_rows(session, tables.outbox, rows(start, count, published))
            start += count


async def left(platform: Platform) -> list[int]:
    async with platform.read() as session:
        ids = await session.execute(select(tables.outbox.c.event_id).order_by(tables.outbox.c.position))
        return [int(each.removeprefix("e")) for each in ids.scalars() if each.startswith("e")]


def outbox(platform: Platform) -> retention.Expiring:
    return retention.expiring(platform)[0]


@asynccontextmanager
async def deletes(platform: Platform) -> AsyncIterator[list[int]]:
    """How many rows each DELETE took."""
    found: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("DELETE"):
            found.append(cursor.rowcount)

    event.listen(platform.db.writer.sync_engine, "after_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(platform.db.writer.sync_engine, "after_cursor_execute", note)


async def test_only_what_was_published_long_ago_goes(backend: Backend) -> None:
    async with bare(backend) as platform:
        # What waits for ever, what a clock that ran ahead has marked, and what is young stand between the old ones.
        await fill(platform, (3, None), (5, OLD), (2, NOW + timedelta(days=400)), (4, OLD), (1, None), (6, YOUNG))
        assert await retention.sweep(platform, outbox(platform)) == 9
        assert await left(platform) == [0, 1, 2, 8, 9, 14, *range(15, 21)]
        assert await retention.sweep(platform, outbox(platform)) == 0
        async with platform.system_unit_of_work() as uow:
            await uow.session.execute(update(tables.outbox).values(published_at=OLD))
        assert await retention.sweep(platform, outbox(platform)) == 12
        assert await left(platform) == []


async def test_steps_are_bounded_and_go_on_where_they_were_ended(backend: Backend) -> None:
    async with bare(backend) as platform:
        await fill(platform, (500, None), (3 * STEP, OLD), (10, YOUNG))
        async with deletes(platform) as found:
            first = asyncio.create_task(retention.sweep(platform, outbox(platform), rest=1000))
            while len(await left(platform)) == 3 * STEP + 510:
                await asyncio.sleep(0.005)
            first.cancel()  # it rests after its first step, as it would for long
            await asyncio.gather(first, return_exceptions=True)
            [step] = found
            assert await retention.sweep(platform, outbox(platform)) == 3 * STEP - step
        assert 0 < max(found) <= STEP
        assert await left(platform) == [*range(500), *range(3500, 3510)]


async def test_two_processes_delete_each_row_once(backend: Backend) -> None:
    url = backend.bare(metadata_of(PublisherTable))
    async with bare(backend, url) as one, bare(backend, url) as other:
        await fill(one, (3 * STEP, OLD), (3, YOUNG))
        counts = await asyncio.gather(*(retention.sweep(each, outbox(each), rest=0) for each in (one, other)))
        assert sum(counts) == 3 * STEP
        assert len(await left(one)) == 3


async def test_answers_and_invalidations_go_too(backend: Backend) -> None:
    async with bare(backend) as platform:
        answers, hot = tables.idempotency, tables.hot_invalidation
        ages = [timedelta(days=8), timedelta(days=7, seconds=1), timedelta(days=6)] * 2
        answer = {"principal": "p", "request_hash": "", "status": 200, "headers": "{}", "body": b""}
        async with platform.system_unit_of_work() as uow:
            await uow.session.execute(
                insert(answers), [answer | {"key": str(n), "created_at": NOW - age} for n, age in enumerate(ages)]
            )
            await uow.session.execute(
                insert(hot),
                [{"sequence": n, "tags": "[]", "at": NOW - timedelta(minutes=12 - n)} for n in range(1, 12)],
            )
        _, kept, tags = retention.expiring(platform)
        assert [await retention.sweep(platform, kind) for kind in (kept, tags)] == [4, 1]
        async with platform.read() as session:
            assert set((await session.execute(select(answers.c.key))).scalars()) == {"2", "5"}
            assert set((await session.execute(select(hot.c.sequence))).scalars()) == set(range(2, 12))


@pytest.mark.postgres
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_a_pass_reads_each_row_a_few_times_while_others_publish(backend: Backend, state: State) -> None:
    count = 200_000
    async with bare(backend) as platform:
        await forget(platform)
        if state == "analysed with few rows":
            await fill(platform, (30, OLD))
        if state != "never analysed":
            await analyse(platform)
        await sql(
            platform,
            "INSERT INTO outbox (event_id, topic, key, sequence, type, headers, data, created_at, published_at) "
            "SELECT 'f' || i, 't', 'F' || i, 1, 'x', '{}', '\\x00', TIMESTAMPTZ '2026-11-23', TIMESTAMPTZ '2026-11-23' "
            f"FROM generate_series(1, {count}) i",
        )
        written = 0

        async def write(work: "asyncio.Task[int]") -> int:
            nonlocal written
            while not work.done():
                await publish(platform, *(updated(f"U{written + n}", "x") for n in range(10)))
                written += 10
                await asyncio.sleep(0.01)
            return work.result()

        async def both() -> None:
            task = asyncio.create_task(retention.sweep(platform, outbox(platform), rest=0))
            assert await write(task) >= count

        async with deletes(platform) as found:
            read = await rows_read(platform, both, leave_out=())
        assert max(found) <= STEP
        assert count <= read["outbox"] < 4 * count, (
            "a look, the range, its rows; a scan for each step would be 200 times"
        )
        assert await sql(platform, "SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(written,)]
        assert await sql(platform, "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == [(0,)]
