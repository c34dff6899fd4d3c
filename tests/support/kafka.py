"""One private Kafka for the test session, or the one that PINZHI_TEST_KAFKA names; each test has its own prefix."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deploy.local import kafka
from deploy.local.process import MissingPart
from deploy.topics import create_topics
from deploy.topology import TOPICS
from tests.support.reference import missing

_numbers = itertools.count(1)
PARTITIONS = 3


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """`host:port` of the broker; started with the first test that asks for it, ended by its own pid."""
    named = os.environ.get("PINZHI_TEST_KAFKA")
    if named:
        yield named
        return
    try:
        with kafka.running() as server:
            yield server.bootstrap
    except MissingPart as error:
        missing(str(error))


@pytest.fixture
def kafka_address(kafka_server: str) -> str:
    """`host:port/prefix` with topics of this test alone."""
    return fresh_address(kafka_server)


def fresh_address(server: str) -> str:
    prefix = f"t{os.getpid()}-{next(_numbers)}."
    topics = [replace(topic, name=prefix + topic.name, partitions=PARTITIONS) for topic in TOPICS]
    asyncio.run(create_topics(server, topics, replication=1))
    return f"{server}/{prefix}"
