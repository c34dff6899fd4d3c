"""A call on the log goes on when its caller is cancelled: nothing else may be on the same connection meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.bus.envelope import Record, StoredRecord
from shared.bus.sqlite import SqliteBus, SqliteSubscriber

TOPIC = "pinzhi.credit.v1"


class Slow(SqliteBus):
    """Says when it writes, and takes its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.said: list[str] = []

    def _append(self, records: Sequence[Record]) -> None:
        self.said.append("begins")
        time.sleep(0.1)
        try:
            super()._append(records)
        finally:
            self.said.append("ends")

    def _close(self) -> None:
        self.said.append("closed")
        super()._close()


def records(count: int) -> list[Record]:
    return [Record(TOPIC, f"K{number}", b"{}", {}) for number in range(count)]


async def test_a_cancelled_write_ends_before_the_connection_does(tmp_path: Path) -> None:
    bus = Slow(tmp_path / "bus.db")
    await bus.start()
    writing = asyncio.create_task(bus.publish(records(3)))
    while not bus.said:
        await asyncio.sleep(0.001)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await bus.close()
    assert bus.said == ["begins", "ends", "closed"]
    await bus.close()
    with pytest.raises(RuntimeError, match="not started"):
        await bus.publish(records(1))


async def test_a_write_after_a_cancelled_one_waits_for_its_end(tmp_path: Path) -> None:
    bus = Slow(tmp_path / "bus.db")
    await bus.start()
    writing = asyncio.create_task(bus.publish(records(3)))
    while not bus.said:
        await asyncio.sleep(0.001)
    writing.cancel()
    await bus.publish(records(2))
    assert bus.said == ["begins", "ends"] * 2
    assert [each.offset for batch in [part async for part in bus.read_all([TOPIC])] for each in batch] == [
        0,
        1,
        2,
        3,
        4,
    ]
    await bus.close()


async def test_a_cancelled_poll_ends_before_the_subscription_does(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "bus.db")
    await bus.start()
    await bus.publish(records(2))
    said: list[str] = []

    class Reader(SqliteSubscriber):
        def _read(self, limit: int) -> list[StoredRecord]:
            said.append("begins")
            time.sleep(0.1)
            found = super()._read(limit)
            said.append("ends")
            return found

        def _release(self) -> None:
            said.append("closed")
            super()._release()

    reader = Reader(bus.path, "credit", [TOPIC], "credit:0")
    polling = asyncio.create_task(reader.poll())
    while not said:
        await asyncio.sleep(0.001)
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling
    await reader.close()
    assert said == ["begins", "ends", "closed"]
    await bus.close()
