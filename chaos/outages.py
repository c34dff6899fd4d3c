"""The broker or the database goes away under load and comes back: what was acknowledged survives, service resumes."""

import asyncio
import time
from collections.abc import Callable

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chaos.cluster import Cluster
from chaos.load import Load
from chaos.outcome import Outcome, converge
from chaos.servers import PostgresServer
from deploy.local.kafka import Kafka

_KEYS = 10
_AROUND = 100
"""Writes that must have been told before the outage, and again after it."""


def broker_away(cluster: Cluster, kafka: Kafka, *, seconds: float, kill: bool, topic: str) -> Outcome:
    """Writes go on without a broker; `topic` is where a fresh client tries when it is back."""
    return _away(
        cluster,
        down=kafka.kill if kill else kafka.stop,
        up=kafka.start,
        fresh=lambda: _fresh_record(kafka.bootstrap, topic),
        seconds=seconds,
        name="b",
    )


def database_away(cluster: Cluster, server: PostgresServer, *, seconds: float, kill: bool) -> Outcome:
    """Writes answer 503 or succeed."""
    return _away(
        cluster,
        down=server.kill if kill else server.stop,
        up=server.start,
        fresh=lambda: _fresh_select(server.address.url()),
        seconds=seconds,
        name="d",
    )


def _away(
    cluster: Cluster,
    *,
    down: Callable[[], None],
    up: Callable[[], None],
    fresh: Callable[[], None],
    seconds: float,
    name: str,
) -> Outcome:
    cluster.start_all()
    started = time.monotonic()
    name = f"{name}{len(cluster.history)}-"  # keys of their own for each outage of a cluster
    with Load([cluster.port("credit")], name=name, keys=_KEYS, pause=0.05) as load:
        cluster.until(lambda: len(load.writes) >= _AROUND, "writes before the outage")
        down()
        time.sleep(seconds)
        during = len(load.writes)
        up()
        fresh()
        back = time.monotonic()
        seen = {consumer: _effects(cluster, consumer) for consumer in cluster.consumers}
        cluster.until(
            lambda: all(_effects(cluster, consumer) > seen[consumer] for consumer in cluster.consumers),
            "the first effects after the outage",
        )
        resumed = time.monotonic() - back
        cluster.until(lambda: len(load.writes) >= during + _AROUND, "writes after the outage")
        load.end()
    outcome = converge(cluster, load, kills=0, since=back, started=started)
    outcome.resumed = resumed
    return outcome


def _effects(cluster: Cluster, consumer: str) -> int:
    return int(cluster.rows(consumer, "SELECT count(*) FROM effect")[0][0])


def _fresh_record(bootstrap: str, topic: str) -> None:
    """Returns when a client that was not there before had a record acknowledged."""

    async def send() -> None:
        async with asyncio.timeout(60):
            while True:
                producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=5000)
                try:
                    await producer.start()
                    await producer.send_and_wait(topic, b"is it back?")
                    return
                except (KafkaError, OSError):
                    await asyncio.sleep(0.1)
                finally:
                    await producer.stop()

    asyncio.run(send())


def _fresh_select(url: str) -> None:
    async def ask() -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    connection = await asyncpg.connect(url)
                    await connection.fetchval("SELECT 1")
                    await connection.close()
                    return
                except (asyncpg.PostgresError, OSError):
                    await asyncio.sleep(0.05)

    asyncio.run(ask())
