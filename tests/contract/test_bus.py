"""The contract suite of the bus on each backend."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus import EventBus, open_bus
from shared.bus.kafka import KafkaBus
from shared.bus.memory import MemoryBus
from shared.bus.sqlite import SqliteBus
from tests.contract.bus_suite import BusContract, Fresh


class TestMemoryBus(BusContract):
    shared_by_processes = False

    @pytest.fixture
    def fresh(self) -> Fresh:
        async def make() -> EventBus:
            return MemoryBus()

        return make


class TestSqliteBus(BusContract):
    @pytest.fixture
    async def fresh(self, tmp_path: Path) -> AsyncIterator[Fresh]:
        opened: list[SqliteBus] = []

        async def make() -> EventBus:
            bus = SqliteBus(tmp_path / "bus.db")
            await bus.start()
            opened.append(bus)
            return bus

        yield make
        for bus in opened:
            await bus.close()


@pytest.mark.kafka
class TestKafkaBus(BusContract):
    @pytest.fixture
    async def fresh(self, kafka_address: str) -> AsyncIterator[Fresh]:
        opened: list[KafkaBus] = []

        async def make() -> EventBus:
            bus = KafkaBus(kafka_address, session_ms=6_000)
            await bus.start()
            opened.append(bus)
            return bus

        yield make
        for bus in opened:
            await bus.close()


def test_an_unknown_bus_is_refused_with_the_forms_that_are_known() -> None:
    with pytest.raises(ValueError, match="sqlite:<path>"):
        open_bus("rabbit://somewhere")
