"""The contract suite of the bus on each backend."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.topics import admin_of, create_topics
from deploy.topology import Topic
from shared.bus import EventBus, open_bus
from shared.bus.kafka import KafkaBus
from shared.bus.memory import MemoryBus
from shared.bus.protocol import TopicRefused
from shared.bus.sqlite import SqliteBus
from shared.events.base import INTAKE_TOPIC
from tests.contract.bus_suite import TOPIC, BusContract, Fresh, record, take


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

    async def test_a_log_of_an_earlier_version_is_read_and_says_no_time(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "old.db")) as old, old:
            old.execute(
                "CREATE TABLE log (topic TEXT NOT NULL, offset INTEGER NOT NULL, key TEXT NOT NULL, "
                "headers BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (topic, offset)) WITHOUT ROWID"
            )
            old.execute("INSERT INTO log VALUES (?, 0, 'k', '{}', x'31')", (TOPIC,))
        bus = SqliteBus(tmp_path / "old.db")
        await bus.start()
        before = datetime.now(UTC)
        await bus.publish([record("k", 2)])
        reader = await bus.subscribe("a", [TOPIC], member="a:0")
        first, second = await take(reader, 2)
        assert first.stored_at is None
        assert second.stored_at is not None
        assert before - timedelta(milliseconds=1) <= second.stored_at <= datetime.now(UTC)
        await reader.close()
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

    async def test_the_time_is_the_brokers_where_units_push_and_nobodys_elsewhere(
        self, fresh: Fresh, kafka_address: str
    ) -> None:
        """Who writes may claim any time; and a header without a value stops nobody."""
        server, _, prefix = kafka_address.partition("/")
        long_ago = 1_000_000_000_000
        async with AIOKafkaProducer(bootstrap_servers=server) as producer:
            for topic in (INTAKE_TOPIC, TOPIC):
                await producer.send_and_wait(prefix + topic, b"1", timestamp_ms=long_ago, headers=[("bare", None)])
        bus = await fresh()
        reader = await bus.subscribe("a", [INTAKE_TOPIC, TOPIC], member="a:0")
        found = {each.topic: each for each in await take(reader, 2)}
        assert found[TOPIC].stored_at is None
        assert found[TOPIC].headers == {"bare": ""}
        stored = found[INTAKE_TOPIC].stored_at
        assert stored is not None
        assert abs(stored - datetime.now(UTC)) < timedelta(minutes=2)
        await reader.close()

    async def test_a_topic_of_an_earlier_version_takes_the_brokers_time_and_keeps_its_settings(
        self, kafka_server: str
    ) -> None:
        name = f"old-{os.getpid()}"
        await create_topics(kafka_server, [Topic(name, 1, 86_400_000)], replication=1)
        assert await create_topics(kafka_server, [Topic(name, 1, append_time=True)], replication=1) == []
        async with admin_of(kafka_server) as admin:
            (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        values = {entry[0]: entry[1] for entry in answer.resources[0][4]}
        assert (values["message.timestamp.type"], values["retention.ms"]) == ("LogAppendTime", "86400000")

    async def test_a_topic_that_is_not_there_is_named(self, fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shared.bus.kafka._SEND_SECONDS", 2.0)
        bus = await fresh()
        with pytest.raises(TopicRefused, match=r"nowhere\.v1") as caught:
            await bus.publish([record("k", 1), record("k", 2, topic="pinzhi.nowhere.v1")])
        assert caught.value.topic == "pinzhi.nowhere.v1"


def test_an_unknown_bus_is_refused_with_the_forms_that_are_known() -> None:
    with pytest.raises(ValueError, match="sqlite:<path>"):
        open_bus("rabbit://somewhere")
