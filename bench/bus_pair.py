"""A publisher and a consumer on Kafka and PostgreSQL, and the bare client beside them; each is one process.

python -m bench.bus_pair relay|consume|publish|listen|bare-send|bare-consume|bare-publish|bare-listen OPTIONS(JSON)

Prints one JSON line: `{"seconds": ...}`, or `{"at": {key: instant}}` of what was committed, sent or applied.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import func, select
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.bus import Received, Subscription
from shared.db import Database, UnitOfWork, metadata_of
from shared.db.sql import upsert
from shared.db.tables import inbox, outbox
from shared.events.base import topic_of
from shared.events.credit import EnterpriseUpdated
from shared.platform import Platform
from shared.settings import ServiceSettings
from shared.web import Domain, ServiceSpec

TOPIC = topic_of("credit")
RATE = 1_000
TICK = 0.01


class Table(SQLModel, registry=registry()):
    pass


class Name(Table, table=True):
    """The projection: one row for each enterprise."""

    uscc: str = Field(primary_key=True)
    name: str


METADATA = metadata_of(Table)
_at: dict[str, float] = {}
"""When an event was committed, sent, or took effect, by its key; seconds of the one clock of this machine."""


async def _keep(uow: UnitOfWork, events: Sequence[Received[EnterpriseUpdated]]) -> None:
    await upsert(uow.session, Name, [{"uscc": e.key, "name": e.data.name} for e in events], key=["uscc"])
    uow.after_commit(lambda: _note(event.key for event in events))


def _note(keys: Iterable[str]) -> None:
    _at.update(dict.fromkeys(keys, time.time()))


CREDIT = ServiceSpec("credit")
CONSUMER = ServiceSpec("traceability", [Domain("names", subscriptions=[Subscription(EnterpriseUpdated, _keep)])])


async def create_tables(url: str) -> None:
    database = Database(url)
    async with database.writer.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await database.close()


def event(number: int) -> EnterpriseUpdated:
    return EnterpriseUpdated(
        uscc=f"U{number:08}", name=f"烟台样例食品{number}号有限公司", area_code="370600", state="active"
    )


def platform(spec: ServiceSpec, options: dict[str, Any]) -> Platform:
    return spec.platform(ServiceSettings(database_url=options["database"], bus_url=f"kafka://{options['kafka']}"))


def topic(options: dict[str, Any]) -> tuple[str, str]:
    servers, _, prefix = options["kafka"].partition("/")
    return servers, prefix + TOPIC


async def fill(options: dict[str, Any]) -> None:
    """Commit `count` events to the outbox, 500 in a transaction."""
    credit = platform(CREDIT, options)
    for start in range(0, options["count"], 500):
        async with credit.system_unit_of_work() as uow:
            uow.publish(*(event(number) for number in range(start, min(start + 500, options["count"]))))
    await credit.db.close()


async def relay(options: dict[str, Any]) -> dict[str, Any]:
    """Send a full outbox: how long until every row is on the bus and marked."""
    await fill(options)
    credit = platform(CREDIT, options)
    started = time.perf_counter()
    while await credit.relay.step():
        pass
    seconds = time.perf_counter() - started
    async with credit.read() as session:
        left = (await session.execute(select(func.count()).where(outbox.c.published_at.is_(None)))).scalar_one()
    assert left == 0
    await credit.bus.close()
    await credit.db.close()
    return {"seconds": seconds}


async def consume(options: dict[str, Any]) -> dict[str, Any]:
    """Apply a full topic into the projection: how long until every event took effect."""
    consumer = platform(CONSUMER, options)
    started = time.perf_counter()
    task = asyncio.create_task(consumer.consumer.run())
    while len(_at) < options["count"]:
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    seconds = time.perf_counter() - started
    async with consumer.read() as session:
        applied = (await session.execute(select(func.count()).select_from(inbox))).scalar_one()
    assert applied == options["count"]
    await _end(task, consumer)
    return {"seconds": seconds}


async def publish(options: dict[str, Any]) -> dict[str, Any]:
    """Commit `RATE` events a second, ten in a transaction, with the relay beside it."""
    credit = platform(CREDIT, options)
    task = asyncio.create_task(credit.relay.run())
    started = time.perf_counter()
    for number in range(0, options["count"], int(RATE * TICK)):
        async with credit.system_unit_of_work() as uow:
            events = [event(number + n) for n in range(int(RATE * TICK))]
            uow.publish(*events)
        _note(each.key for each in events)
        await asyncio.sleep(max(0.0, started + number / RATE + TICK - time.perf_counter()))
    async with asyncio.timeout(30):
        while True:
            async with credit.read() as session:
                left = select(func.count()).where(outbox.c.published_at.is_(None))
                if not (await session.execute(left)).scalar_one():
                    break
            await asyncio.sleep(0.05)
    await _end(task, credit)
    return {"at": _at}


async def listen(options: dict[str, Any]) -> dict[str, Any]:
    """From the commit in one service to the commit of its effect in another."""
    consumer = platform(CONSUMER, options)
    task = asyncio.create_task(consumer.consumer.run())
    async with asyncio.timeout(120):
        while len(_at) < options["count"]:
            await asyncio.sleep(0.01)
            if task.done():
                task.result()
    await _end(task, consumer)
    return {"at": _at}


async def _end(task: "asyncio.Task[None]", of: Platform) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await of.bus.close()
    await of.db.close()


def _bodies(options: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    events = [event(number) for number in range(options["count"])]
    return [(each.key.encode(), each.model_dump_json().encode()) for each in events]


async def bare_send(options: dict[str, Any]) -> dict[str, Any]:
    servers, name = topic(options)
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, acks="all", max_batch_size=262_144)
    await producer.start()
    bodies = _bodies(options)
    started = time.perf_counter()
    for start in range(0, len(bodies), 500):
        sent = [await producer.send(name, value, key=key) for key, value in bodies[start : start + 500]]
        await asyncio.gather(*sent)
    seconds = time.perf_counter() - started
    await producer.stop()
    return {"seconds": seconds}


async def bare_consume(options: dict[str, Any]) -> dict[str, Any]:
    servers, name = topic(options)
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=servers, group_id="bare", auto_offset_reset="earliest", enable_auto_commit=False
    )
    started = time.perf_counter()
    await consumer.start()
    seen = 0
    while seen < options["count"]:
        found = await consumer.getmany(timeout_ms=500, max_records=500)
        seen += sum(map(len, found.values()))
        await consumer.commit()
    seconds = time.perf_counter() - started
    await consumer.stop()
    return {"seconds": seconds}


async def bare_publish(options: dict[str, Any]) -> dict[str, Any]:
    servers, name = topic(options)
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, acks="all")
    await producer.start()
    started = time.perf_counter()
    for number in range(0, options["count"], int(RATE * TICK)):
        for n in range(int(RATE * TICK)):
            body = event(number + n)
            _note([body.key])
            await producer.send(name, body.model_dump_json().encode(), key=body.key.encode())
        await asyncio.sleep(max(0.0, started + number / RATE + TICK - time.perf_counter()))
    await producer.stop()
    return {"at": _at}


async def bare_listen(options: dict[str, Any]) -> dict[str, Any]:
    servers, name = topic(options)
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=servers, group_id="bare-listen", auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    async with asyncio.timeout(120):
        while len(_at) < options["count"]:
            found = await consumer.getmany(timeout_ms=500, max_records=500)
            _note(message.key.decode() for messages in found.values() for message in messages)
    await consumer.stop()
    return {"at": _at}


ROLES = {
    "relay": relay,
    "consume": consume,
    "publish": publish,
    "listen": listen,
    "bare-send": bare_send,
    "bare-consume": bare_consume,
    "bare-publish": bare_publish,
    "bare-listen": bare_listen,
}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(ROLES[sys.argv[1]](json.loads(sys.argv[2])))))
