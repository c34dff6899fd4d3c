"""What ails a storage is read off the errors of the real thing, and no connection that saw it is used again."""

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from shared.bus.consumer import is_transient
from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.coalesce import Coalescer
from shared.db import UnitOfWork, faults
from shared.db.faults import Fault, Storage, fault_of
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web.problems import as_platform_error

FULL, READ_ONLY = "PRAGMA max_page_count=1", "PRAGMA query_only=ON"
"""Of one connection: SQLite itself then refuses what a full disk or a read-only file would."""
BIG = "INSERT INTO a SELECT randomblob(100000) FROM (VALUES (1), (2), (3), (4), (5))"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    settings = ServiceSettings(data_dir=tmp_path, log_level="error")
    made = Platform("credit", settings, bus=MemoryBus())
    await write(made, "CREATE TABLE a (b BLOB)")
    yield made
    await made.db.close()


async def write(platform: Platform, *statements: str) -> None:
    async with platform.system_unit_of_work() as uow:
        for statement in statements:
            await uow.session.execute(text(statement))


async def count(platform: Platform) -> int:
    ((found,),) = await platform.db.fetch("SELECT count(*) FROM a")
    return int(found)


@pytest.mark.parametrize(
    ("cause", "fault"), [(FULL, faults.FULL), (READ_ONLY, faults.READ_ONLY)], ids=["full", "read-only"]
)
@pytest.mark.parametrize("before", [[], ["INSERT INTO a VALUES (1)"]], ids=["at once", "in the middle"])
async def test_a_refused_write_leaves_no_trace_in_the_pool(
    platform: Platform, cause: str, fault: Fault, before: list[str]
) -> None:
    for _ in range(3):
        with pytest.raises(DBAPIError) as caught:
            await write(platform, *before, cause, BIG)
        assert fault_of(caught.value) is fault
        assert is_transient(caught.value), "the event is not to blame"
        assert await count(platform) == 0
    await write(platform, BIG)
    assert await count(platform) == 5
    async with platform.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM a"))).scalar_one() == 5


async def test_a_transaction_that_cannot_be_begun(platform: Platform, tmp_path: Path) -> None:
    await platform.db.writer.dispose()
    file, aside = tmp_path / "credit.db", tmp_path / "aside.db"
    file.rename(aside)
    file.mkdir()
    for _ in range(3):
        with pytest.raises(DBAPIError) as caught:
            await write(platform, BIG)
        assert fault_of(caught.value) is faults.CLOSED
    file.rmdir()
    aside.rename(file)
    await write(platform, BIG)
    assert await count(platform) == 5


async def test_a_commit_that_fails(platform: Platform) -> None:
    await write(platform, "CREATE TABLE p (id INTEGER PRIMARY KEY)")
    await write(platform, "CREATE TABLE c (p INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(DBAPIError, match="FOREIGN KEY"):
        await write(platform, "INSERT INTO c VALUES (1)")
    await write(platform, BIG)
    assert await count(platform) == 5


async def test_a_connection_whose_rollback_fails_is_left_with_its_transaction(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By force: `BEGIN` on it would fail for ever with "cannot start a transaction within a transaction"."""
    from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection as Adapter

    def fail(_self: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(Adapter, "rollback", fail)
        with suppress(DBAPIError, sqlite3.OperationalError):
            await write(platform, "INSERT INTO a VALUES (1)", "INSERT INTO nowhere VALUES (1)")
    await write(platform, BIG)
    assert await count(platform) == 5


async def test_a_writer_that_is_cancelled_in_a_statement(platform: Platform) -> None:
    slow = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 400000) INSERT INTO a SELECT x FROM n"
    )
    for wait in (0.0, 0.01, 0.05):
        task = asyncio.create_task(write(platform, slow, slow, slow))
        await asyncio.sleep(wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await write(platform, BIG)
    assert await count(platform) == 5


async def test_a_damaged_file_is_told_of_by_every_way_to_read(platform: Platform, tmp_path: Path) -> None:
    await write(platform, BIG)
    await platform.db.close()
    file = tmp_path / "credit.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 9000)
    for attempt in (lambda: count(platform), lambda: write(platform, BIG)):
        with pytest.raises(DBAPIError) as caught:
            await attempt()
        assert fault_of(caught.value) is faults.DAMAGED
    reason = platform.db.storage.reason
    assert reason is not None
    assert "credit.db" in reason
    assert "pinzhi restore" in reason
    platform.db.storage.wrote()
    assert platform.db.storage.reason == reason, "a damage does not heal"


class Refused(Exception):
    def __init__(self, state: str) -> None:
        super().__init__("refused")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "storage.full"),
        ("25006", "storage.read_only"),
        ("XX001", "storage.damaged"),
        ("58030", "storage.io"),
        ("57P01", "unavailable"),
        ("40001", "unavailable"),
    ],
)
def test_codes_of_postgresql(state: str, code: str) -> None:
    error = as_platform_error(DBAPIError("INSERT", {}, Refused(state)))
    assert (error.status, error.code) == (503, code)
    assert int(error.headers["Retry-After"]) > 0
    assert error.headers.get("X-Problem-Code") == (code if code != "unavailable" else None)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage.full"),
        (errno.EDQUOT, "storage.full"),
        (errno.EROFS, "storage.read_only"),
        (errno.EIO, "storage.io"),
        (errno.ECONNREFUSED, "unavailable"),
    ],
)
def test_codes_of_the_file_system(number: int, code: str) -> None:
    error = as_platform_error(OSError(number, "so it is"))
    assert (error.status, error.code) == (503, code)


async def test_a_hot_read_that_fails_is_no_inner_error(platform: Platform) -> None:
    with pytest.raises(OperationalError) as caught:
        await platform.db.fetch("SELECT * FROM nowhere")
    assert as_platform_error(caught.value).status == 503


def test_the_words_tell_since_when_and_stay_while_writes_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, now = FixedClock(datetime(2026, 11, 30, 8, 0, tzinfo=UTC)), 100.0
    monkeypatch.setattr(faults.time, "monotonic", lambda: now)
    storage = Storage(Path("/x/credit.db"), clock)
    assert storage.reason is None
    storage.failed(faults.FULL)
    clock.advance(hours=1)
    storage.failed(faults.FULL)
    assert storage.reason == (
        "磁盘已满，不能写入 (credit.db)（自 2026-11-30T08:00:00.000000Z 起） / "
        "disk full, nothing can be written (credit.db) (since 2026-11-30T08:00:00.000000Z)"
    )
    now = 101.9
    storage.wrote()
    assert storage.reason is not None, "a small write may go through between two that do not"
    now = 102.0
    storage.wrote()
    assert storage.reason is None


async def test_connections_are_made_anew_only_by_a_fault(platform: Platform) -> None:
    """A statement that is wrong, or a value that is not unique, costs no connection."""
    opened = 0

    @event.listens_for(platform.db.writer.sync_engine, "connect")
    def _connect(_connection: object, _record: object) -> None:
        nonlocal opened
        opened += 1

    await write(platform, "CREATE TABLE u (x INTEGER UNIQUE)", "INSERT INTO u VALUES (1)")
    for statement in ("INSERT INTO u VALUES (1)", "SELECT nothing"):
        with pytest.raises(DBAPIError):
            await write(platform, statement)
    assert opened == 0
    with pytest.raises(DBAPIError):
        await write(platform, FULL, BIG)
    await write(platform, BIG)
    assert opened == 1


async def test_those_who_write_together_are_all_told_at_once_and_nobody_waits_for_ever(platform: Platform) -> None:
    transactions = 0
    cause: list[BaseException | str] = []

    async def handle(uow: UnitOfWork, items: Sequence[int]) -> Sequence[None]:
        nonlocal transactions
        transactions += 1
        await uow.session.execute(text("INSERT INTO a VALUES (1)"))
        for each in cause:
            if isinstance(each, BaseException):
                raise each
            await uow.session.execute(text(each))
        return [None] * len(items)

    together: Coalescer[int, None] = Coalescer(platform, handle)

    async def submit(count: int) -> list[BaseException | None]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(together.submit(each) for each in range(count)), return_exceptions=True)

    cause[:] = [FULL, BIG]
    errors = await submit(50)
    assert {fault_of(error) for error in errors if error is not None} == {faults.FULL}
    assert len(errors) == 50
    assert transactions == 1, "what the storage refuses to one it refuses to each"
    cause[:] = [asyncio.CancelledError()]  # as a library does to what it waits for
    assert {as_platform_error(error).status for error in await submit(3) if isinstance(error, Exception)} == {503}
    cause.clear()
    assert await submit(3) == [None] * 3
