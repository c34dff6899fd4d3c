"""One guarded Kafka for the test session (TLS, SCRAM users, access lists); each test has its own prefix."""

import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from deploy import access, broker
from deploy.local import kafka
from deploy.local.kafka_secure import Guard, add_services
from deploy.local.process import MissingPart
from deploy.topics import create_topics
from deploy.topology import TOPICS, topics_of_unit
from shared.bus.kafka import KafkaBus
from shared.bus.kafka_access import KafkaAccess
from tests.support.reference import missing

_numbers = itertools.count(1)
PASSWORD = "a unit's password, with = , and 品"


@dataclass(frozen=True)
class City:
    """Topics, users and grants of one test."""

    broker: kafka.Kafka
    prefix: str

    @property
    def guard(self) -> Guard:
        assert self.broker.guard is not None
        return self.broker.guard

    @property
    def servers(self) -> str:
        return self.broker.bootstrap

    @property
    def operator(self) -> KafkaAccess:
        return self.guard.operator(self.prefix)

    def user(self, name: str, password: str) -> KafkaAccess:
        return self.guard.user(self.servers, name, password, self.prefix)

    def service(self, name: str) -> KafkaAccess:
        user = access.service_user(name)
        return self.user(user, self.guard.password_file(user).read_text())

    async def unit(self, client: str) -> KafkaAccess:
        """Its topics, its user, its grants, as `pinzhi clients kafka --apply` makes them."""
        pair = [replace(topic, name=self.prefix + topic.name) for topic in topics_of_unit(client)]
        await create_topics(self.operator, pair, replication=1)
        user = access.unit_user(client)
        await broker.set_users(self.operator, {user: PASSWORD})
        await broker.grant(self.operator, access.of_unit(client, self.prefix))
        made = self.user(user, PASSWORD)
        await settled(made, pair[1].name)
        return made


async def settled(user: KafkaAccess, topic: str) -> None:
    """The broker takes a moment until it knows what its controller was told."""
    deadline = time.monotonic() + 20
    while True:
        bus = KafkaBus(user)
        try:
            if topic in {user.prefix + name for name in await bus.topics("")}:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        finally:
            await bus.close()
        assert time.monotonic() < deadline, f"{topic} is not seen by {user.settings.user}"
        await asyncio.sleep(0.1)


@pytest.fixture(scope="session")
def secure_kafka() -> Iterator[kafka.Kafka]:
    """Started with the first test that asks for it, ended by its own pid."""
    try:
        with kafka.running(secure=True) as server:
            yield server
    except MissingPart as error:
        missing(str(error))


@pytest.fixture
def secure_city(secure_kafka: kafka.Kafka) -> City:
    city = City(secure_kafka, f"s{os.getpid()}-{next(_numbers)}.")
    asyncio.run(_prepare(city))
    return city


async def _prepare(city: City) -> None:
    topics = [replace(topic, name=city.prefix + topic.name, partitions=2) for topic in TOPICS]
    await create_topics(city.operator, topics, replication=1)
    await add_services(city.guard, city.servers, city.prefix)
    await settled(city.service("credit"), f"{city.prefix}pinzhi.traceability.v1")
    await settled(city.service("traceability"), f"{city.prefix}pinzhi.gateway.v1")
