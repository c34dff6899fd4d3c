"""Epochs of the log: names, and the contract of the bus held in an epoch as outside of one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus import EventBus, Record
from shared.bus.epochs import EpochBus, epoch_in, in_epoch, name_in
from shared.bus.memory import MemoryBus
from shared.bus.sqlite import SqliteBus
from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC
from tests.contract.bus_suite import TOPIC, BusContract, Fresh, nothing_more, record, take


class TestEpochBus(BusContract):
    """On a log that already holds what another epoch left."""

    @pytest.fixture
    async def fresh(self, tmp_path: Path) -> AsyncIterator[Fresh]:
        opened: list[EventBus] = []
        before = SqliteBus(tmp_path / "bus.db")
        await before.start()
        await before.publish([record("K", number) for number in range(1, 8)])
        await before.close()

        async def make() -> EventBus:
            bus = in_epoch(SqliteBus(tmp_path / "bus.db"), 2)
            await bus.start()
            opened.append(bus)
            return bus

        yield make
        for bus in opened:
            await bus.close()


@pytest.mark.parametrize(
    ("epoch", "topic", "name"),
    [
        (0, "pinzhi.credit.v1", "pinzhi.credit.v1"),
        (1, "pinzhi.credit.v1", "pinzhi.credit.v1.e1"),
        (12, "pinzhi.gateway.v1", "pinzhi.gateway.v1.e12"),
        (3, INTAKE_TOPIC, INTAKE_TOPIC),
        (3, RECEIPTS_TOPIC, RECEIPTS_TOPIC),
    ],
)
def test_names(epoch: int, topic: str, name: str) -> None:
    assert name_in(epoch, topic) == name
    assert epoch_in(name) == (topic, 0 if name == topic else epoch)


def test_a_name_that_only_looks_so_is_no_epoch() -> None:
    for name in ("pinzhi.credit.v1", "pinzhi.e1x", ".e1", "pinzhi.credit.v1.e", "pinzhi.credit.v1.e٣"):
        assert epoch_in(name) == (name, 0)


async def test_each_epoch_sees_its_own_and_units_topics_are_in_all() -> None:
    log = MemoryBus()
    first, second = in_epoch(log, 1), in_epoch(log, 2)
    assert in_epoch(log, 0) is log
    assert isinstance(second, EpochBus)
    for bus, number in ((log, 0), (first, 1), (second, 2)):
        await bus.publish([record("k", number), Record(INTAKE_TOPIC, "u", str(number).encode())])
    for bus, number in ((log, 0), (first, 1), (second, 2)):
        reader = await bus.subscribe(f"g{number}", [TOPIC], member="m")
        (found,) = await take(reader, 1)
        assert (found.topic, found.value) == (TOPIC, f"k/{number}".encode())
        await nothing_more(reader)
        units = await bus.subscribe(f"u{number}", [INTAKE_TOPIC], member="m")
        assert [each.value for each in await take(units, 3)] == [b"0", b"1", b"2"]
        assert await bus.lag(f"other{number}", [TOPIC]) == {TOPIC: 1}
