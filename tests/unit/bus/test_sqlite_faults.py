"""The embedded log after a full disk, and leases when the clock is set."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus import sqlite as module
from shared.bus.envelope import Record
from shared.bus.sqlite import SqliteBus, SqliteSubscriber
from shared.db.faults import FULL, READ_ONLY, fault_of

SMALL = Record("t", "k", b"x", {})
BIG = Record("t", "k", b"x" * 2_000_000, {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


@pytest.mark.parametrize("cause", ["PRAGMA max_page_count=1", "PRAGMA query_only=ON"])
async def test_what_it_refused_is_told_as_it_is_and_the_next_one_is_taken(path: Path, cause: str) -> None:
    bus = SqliteBus(path)
    await bus.start()
    await bus.publish([SMALL])
    assert bus._connection is not None
    bus._connection.execute(cause)
    with pytest.raises(sqlite3.Error) as caught:
        await bus.publish([SMALL, BIG])
    assert fault_of(caught.value) is (FULL if "page" in cause else READ_ONLY)
    if bus._connection is not None:
        bus._connection.execute("PRAGMA max_page_count=1073741823")
        bus._connection.execute("PRAGMA query_only=OFF")
    await bus.publish([SMALL])
    assert await bus.lag("nobody", ["t"]) == {"t": 2}, "all of a batch or nothing"
    await bus.close()


async def test_a_connection_that_cannot_roll_back_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = SqliteBus(path)
    await bus.start()

    class Stuck:
        """A connection whose ROLLBACK fails."""

        def __init__(self, real: sqlite3.Connection) -> None:
            self.real = real

        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if sql == "ROLLBACK":
                raise sqlite3.OperationalError("disk I/O error")
            return self.real.execute(sql, *parameters)

        def executemany(self, *_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        @property
        def in_transaction(self) -> bool:
            return self.real.in_transaction

        def close(self) -> None:
            self.real.close()

    assert bus._connection is not None
    bus._connection = Stuck(bus._connection)  # type: ignore[assignment]
    with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
        await bus.publish([SMALL])
    await bus.publish([SMALL])
    assert await bus.lag("nobody", ["t"]) == {"t": 1}
    await bus.close()


class Wall:
    """`time`, whose wall clock can be set."""

    def __init__(self) -> None:
        self.offset = 0.0

    def time(self) -> float:
        return time.time() + self.offset

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_group_goes_on_when_the_clock_is_set(path: Path, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """The member that has it keeps it, and of one that died the group is free after the lease, not after an hour."""
    wall = Wall()
    monkeypatch.setattr(module, "time", wall)
    bus = SqliteBus(path)
    await bus.start()
    one, other = SqliteSubscriber(path, "g", ["t"], "one"), SqliteSubscriber(path, "g", ["t"], "other")
    await bus.publish([SMALL])
    assert len(await one.poll(timeout=0)) == 1
    assert await other.poll(timeout=0) == []
    wall.offset = hours * 3600.0
    await bus.publish([SMALL])
    one._renew_at = 0.0
    assert len(await one.poll(timeout=0)) == 1, "its own lease"
    assert until(path) == pytest.approx(wall.time() + 3, abs=2)
    wall.offset += hours * 3600.0  # and now the one that has it is gone
    await bus.publish([SMALL])
    assert len(await other.poll(timeout=0)) == 3, "it begins where the group stands"
    for each in (one, other):
        await each.close()
    await bus.close()


def until(path: Path) -> float:
    with closing(sqlite3.connect(path)) as connection:
        return float(connection.execute("SELECT until FROM member").fetchone()[0])
