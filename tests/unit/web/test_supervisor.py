"""Background tasks: a stray cancellation is an error like others, and an end comes between transactions."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web import supervisor as supervisor_module
from shared.web.supervisor import Supervisor


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    settings = ServiceSettings(data_dir=tmp_path, log_level="error")
    made = Platform("credit", settings, bus=MemoryBus())
    yield made
    await made.db.close()


async def test_a_task_that_a_library_cancelled_is_started_again(platform: Platform) -> None:
    runs = 0
    steady = asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        steady.set()
        await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    supervisor.start("consumer", run)
    async with asyncio.timeout(20):
        while "consumer" not in platform.failing:
            await asyncio.sleep(0.01)
        assert "CancelledError" in platform.failing["consumer"]
        await steady.wait()
    await supervisor.stop()
    assert runs == 2


async def test_a_task_ends_after_its_transaction(platform: Platform) -> None:
    begun, ended = asyncio.Event(), 0

    async def write() -> None:
        nonlocal ended
        while True:
            async with platform.system_unit_of_work() as uow:
                await uow.session.execute(text("CREATE TABLE IF NOT EXISTS a (id INTEGER)"))
                begun.set()
                for number in range(20):
                    await uow.session.execute(text("INSERT INTO a VALUES (:number)"), {"number": number})
                    await asyncio.sleep(0.001)
            ended += 1
            await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    supervisor.start("writer", write)
    await begun.wait()
    assert ended == 0
    await supervisor.stop()
    assert ended == 1
    async with platform.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM a"))).scalar_one() == 20


async def test_a_transaction_without_end_is_cut_off(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.web.supervisor._END_SECONDS", 0.05)
    begun = asyncio.Event()

    async def hang() -> None:
        async with platform.read() as session:
            await session.execute(text("SELECT 1"))
            begun.set()
            await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    supervisor.start("hangs", hang)
    await begun.wait()
    async with asyncio.timeout(20):
        await supervisor.stop()


async def test_a_task_that_fails_while_it_is_ended_is_not_started_again(platform: Platform) -> None:
    runs, begun = 0, asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            raise OSError("the database is away for the last write too")

    supervisor = Supervisor(platform)
    supervisor.start("relay", run)
    await begun.wait()
    async with asyncio.timeout(20):
        await supervisor.stop()
    assert runs == 1


async def told(platform: Platform, failures: Sequence[str]) -> list[MutableMapping[str, Any]]:
    """The lines about a task that fails with these words, one start after the other, and then goes on."""
    words, steady = iter(failures), asyncio.Event()

    async def run() -> None:
        for error in words:
            raise OSError(error)
        steady.set()
        await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    with capture_logs() as lines:
        supervisor.start("relay", run)
        async with asyncio.timeout(20):
            await steady.wait()
    await supervisor.stop()
    return lines


async def test_a_failure_that_repeats_itself_is_told_once_and_another_one_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_LONGEST", 0.0)
    lines = await told(platform, ["the database is away"] * 101 + ["the database is back, the bus is away"])
    assert [(line["failures"], line["error"], line["exc_info"] is None) for line in lines] == [
        (1, "OSError: the database is away", False),
        (102, "OSError: the database is back, the bus is away", False),
    ]


async def test_a_failure_that_lasts_is_told_again_without_its_trace(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_LONGEST", 0.0)
    monkeypatch.setattr(supervisor_module, "_TELL_SECONDS", -1.0)
    lines = await told(platform, ["away"] * 3)
    assert [(line["failures"], line["exc_info"] is None) for line in lines] == [(1, False), (2, True), (3, True)]


class Odd(BaseException):
    """Of no family."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = 13
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        full(),
        DBAPIError("INSERT INTO a VALUES (:secret)", {"secret": "hidden"}, full()),
        asyncio.CancelledError(),
        SystemExit(1),
        Odd(),
        Mute(),
        MemoryError(),
        BaseExceptionGroup("several", [SystemExit(1), OSError("x")]),
        StopAsyncIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_error_ends_a_task_whatever_goes_wrong_in_telling_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(supervisor_module, "_FIRST", 0.0)
    monkeypatch.setattr(supervisor_module, "_LONGEST", 0.0)
    monkeypatch.setattr(supervisor_module.log, "error", fail, raising=False)
    monkeypatch.setattr("shared.metrics.TASK_RESTARTS.labels", fail)
    runs, steady = 0, asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs <= 5:
            raise error
        steady.set()
        await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    supervisor.start("relay", run)
    async with asyncio.timeout(20):
        await steady.wait()
    assert runs == 6
    assert "hidden" not in platform.failing["relay"], "no values of a row where everybody may read"
    await supervisor.stop()


async def test_a_cancellation_between_two_lives_is_none(platform: Platform) -> None:
    runs, steady = 0, asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise OSError("away")
        # A timeout takes a cancellation that was not forgotten for its own.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(3600)
        steady.set()
        await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    supervisor.start("relay", run)
    (task,) = supervisor._tasks
    async with asyncio.timeout(20):
        while "relay" not in platform.failing:
            await asyncio.sleep(0)
        task.cancel()
        await steady.wait()
    assert task.cancelling() == 0
    await supervisor.stop()


async def test_the_reason_is_plain_tells_since_when_and_goes(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_STEADY_SECONDS", 0.3)
    clock = FixedClock(datetime(2026, 11, 30, 8, 0, tzinfo=UTC))
    platform.clock = clock
    mended = asyncio.Event()

    async def run() -> None:
        if not mended.is_set():
            raise full()
        await asyncio.sleep(3600)

    supervisor = Supervisor(platform)
    supervisor.start("relay", run)
    async with asyncio.timeout(20):
        while not platform.failing:
            await asyncio.sleep(0.01)
        first = platform.failing["relay"]
        assert first.startswith("磁盘已满，不能写入（自 2026-11-30T08:00:00")
        assert "disk full, nothing can be written (since 2026-11-30T08:00:00" in first
        clock.advance(minutes=5)
        await asyncio.sleep(0.5)
        assert platform.failing["relay"] == first, "since the first of the row"
        mended.set()
        while platform.failing:
            await asyncio.sleep(0.01)
    await supervisor.stop()


async def test_a_failure_keeps_nothing_of_what_the_task_held(platform: Platform) -> None:
    """The traceback of an error holds its frames, and these a statement whose transaction no closing ends."""
    import weakref

    class Held:
        pass

    held: list[weakref.ref[Held]] = []
    steady = asyncio.Event()

    async def run() -> None:
        if held:
            steady.set()
            await asyncio.sleep(3600)
        thing = Held()
        held.append(weakref.ref(thing))
        raise OSError("away")

    supervisor = Supervisor(platform)
    supervisor.start("relay", run)
    async with asyncio.timeout(20):
        await steady.wait()
    assert held[0]() is None
    await supervisor.stop()
