"""The bus on Apache Kafka (aiokafka). `kafka://host:port[,host:port][/prefix]`; the prefix stands before the names of
topics and groups, so that several installations can share a cluster.

Hazards of the client that are met here:
- rebalances run in the background: offsets are committed explicitly, and a commit that comes too late is dropped (the
  inbox knows what took effect);
- a send may hang without end, and an idempotent producer is spoiled by sequence errors: sends have a deadline, and
  after any error the producer is thrown away, its `stop()` bounded too. The rows are still in the outbox;
- while no broker answers, producer and consumer ask for metadata thousands of times a second and log each: both are
  made to wait;
- a send that ran into its deadline may still arrive: the repeat is skipped by `sequence`;
- a member has a static id, so that after a SIGKILL its partitions need not wait for the session to end.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, RebalanceInProgressError

from shared.bus.envelope import Record, StoredRecord
from shared.bus.progress import Places

log = structlog.get_logger("kafka")

_SEND_SECONDS = 10.0
_STOP_SECONDS = 5.0
_ASK_SECONDS = 10.0
_LOOK_SECONDS = 3.0
"""A look at the ends that a dying broker took with it is asked again, so that its return is noticed."""
_AGAIN_SECONDS = 0.2
_LATE = (CommitFailedError, IllegalStateError, RebalanceInProgressError)


class KafkaBus:
    def __init__(self, address: str, *, session_ms: int = 10_000) -> None:
        servers, _, self.prefix = address.partition("/")
        if not servers:
            raise ValueError("bus_url kafka://: name at least one broker as host:port")
        self._servers = servers
        self._session_ms = session_ms
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    def client_options(self) -> dict[str, Any]:
        """What every client of these brokers is made with."""
        return {"bootstrap_servers": self._servers}

    async def start(self) -> None:
        """Nothing: connections are made when they are needed, so that a service starts while the broker is away."""

    async def close(self) -> None:
        await self._drop_producer()

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        async with self._lock:
            try:
                async with asyncio.timeout(_SEND_SECONDS):
                    producer = self._producer or await self._open_producer()
                    sent = [await self._send(producer, record) for record in records]
                    await asyncio.gather(*sent)
            except BaseException as error:
                await self._drop_producer()
                if isinstance(error, KafkaError):
                    raise OSError(f"kafka: {type(error).__name__}: {error}") from error
                raise

    async def _send(self, producer: AIOKafkaProducer, record: Record) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = await producer.send(
            self.prefix + record.topic,
            record.value,
            key=record.key.encode(),
            headers=[(name, value.encode()) for name, value in record.headers.items()],
        )
        return future

    async def _open_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=int(_SEND_SECONDS * 1000),
            max_batch_size=262_144,
        )
        _make_patient(producer.client)
        # Kept before it is started, so that one that failed to start is stopped too.
        self._producer = producer
        await producer.start()
        return producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await bounded(producer.stop())

    async def subscribe(self, group: str, topics: Sequence[str], *, member: str) -> "KafkaSubscriber":
        consumer = AIOKafkaConsumer(
            *(self.prefix + topic for topic in topics),
            bootstrap_servers=self._servers,
            group_id=f"{self.prefix}pinzhi.{group}",
            group_instance_id=member.replace(":", "-"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=self._session_ms // 5,
            request_timeout_ms=int(_ASK_SECONDS * 1000),
            metadata_max_age_ms=30_000,
        )
        _make_patient(consumer._client)
        try:
            await consumer.start()
        except BaseException as error:
            await bounded(consumer.stop())
            if isinstance(error, KafkaError):
                raise OSError(f"kafka: {type(error).__name__}: {error}") from error
            raise
        return KafkaSubscriber(consumer, self.prefix, topics)

    async def read_all(self, topics: Sequence[str]) -> AsyncIterator[list[StoredRecord]]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            for topic in topics:
                numbers = await _partitions(consumer, self.prefix + topic)
                places = [TopicPartition(self.prefix + topic, number) for number in numbers]
                ends = await consumer.end_offsets(places)
                consumer.assign(places)
                await consumer.seek_to_beginning(*places)
                open_places = {place for place in places if ends[place] > 0}
                while open_places:
                    batch = _stored(await consumer.getmany(timeout_ms=1000, max_records=1000), self.prefix)
                    for place in list(open_places):
                        if await consumer.position(place) >= ends[place]:
                            open_places.discard(place)
                    if batch:
                        yield [each for each in batch if each.offset < ends[_place(self.prefix, each)]]
        finally:
            await bounded(consumer.stop())

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        """Asks with a consumer that is given its partitions by hand: it takes none from the members."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, group_id=f"{self.prefix}pinzhi.{group}", enable_auto_commit=False
        )
        await consumer.start()
        try:
            found = {}
            for topic in topics:
                numbers = await _partitions(consumer, self.prefix + topic)
                places = [TopicPartition(self.prefix + topic, number) for number in numbers]
                consumer.assign(places)
                ends = await consumer.end_offsets(places)
                done = [await consumer.committed(place) or 0 for place in places]
                found[topic] = sum(ends.values()) - sum(done)
            return found
        finally:
            await bounded(consumer.stop())


class KafkaSubscriber:
    def __init__(self, consumer: AIOKafkaConsumer, prefix: str, topics: Sequence[str]) -> None:
        self._consumer = consumer
        self._prefix = prefix
        self._topics = list(topics)
        self._committed: dict[TopicPartition, int] = {}

    async def poll(self, *, limit: int = 500, timeout: float = 0.5) -> list[StoredRecord]:
        try:
            found = await self._consumer.getmany(timeout_ms=int(timeout * 1000), max_records=limit)
        except KafkaError as error:
            raise OSError(f"kafka: {type(error).__name__}: {error}") from error
        return _stored(found, self._prefix)

    async def commit(self, records: Sequence[StoredRecord]) -> None:
        offsets: dict[TopicPartition, int] = {}
        for record in records:
            place = _place(self._prefix, record)
            offsets[place] = max(offsets.get(place, 0), record.offset + 1)
        mine = {place: offset for place, offset in offsets.items() if place in self._consumer.assignment()}
        if not mine:
            return
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await self._consumer.commit(mine)
        except _LATE as error:
            # The partition went to another member meanwhile; it reads these again and its inbox skips them.
            log.info("offsets not committed", error=f"{type(error).__name__}: {error}")
            return
        except KafkaError as error:
            raise OSError(f"kafka: {type(error).__name__}: {error}") from error
        self._committed |= mine

    async def places(self) -> Places:
        """Of this member's partitions."""
        places = list(self._consumer.assignment())
        if not places:
            return {}
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                ends = await self._consumer.end_offsets(places)
                for place in places:
                    if place not in self._committed:
                        self._committed[place] = await self._consumer.committed(place) or 0
        except KafkaError as error:
            raise OSError(f"kafka: {type(error).__name__}: {error}") from error
        return {
            (place.topic.removeprefix(self._prefix), place.partition): (self._committed[place], ends[place])
            for place in places
        }

    async def close(self) -> None:
        await bounded(self._consumer.stop())


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    """Partitions of a topic; metadata of a topic that was never asked for comes a moment later."""
    consumer.assign([TopicPartition(topic, 0)])
    async with asyncio.timeout(_ASK_SECONDS):
        while True:
            numbers = consumer.partitions_for_topic(topic)
            if numbers:
                return sorted(numbers)
            await asyncio.sleep(0.05)


def _place(prefix: str, record: StoredRecord) -> TopicPartition:
    return TopicPartition(prefix + record.topic, record.partition)


def _stored(found: Mapping[TopicPartition, Sequence[Any]], prefix: str) -> list[StoredRecord]:
    return [
        StoredRecord(
            topic=place.topic.removeprefix(prefix),
            key=(message.key or b"").decode("utf-8", "replace"),
            value=message.value or b"",
            headers={name: value.decode("utf-8", "replace") for name, value in message.headers},
            partition=place.partition,
            offset=message.offset,
        )
        for place, messages in found.items()
        for message in messages
    ]


def _make_patient(client: Any) -> None:
    ask = client._metadata_update

    async def ask_then_wait(*arguments: Any) -> bool:
        found: bool = await ask(*arguments)
        if not found:
            await asyncio.sleep(_AGAIN_SECONDS)
        return found

    client._metadata_update = ask_then_wait


async def bounded(stopping: Any) -> None:
    """`stop()` may hang for good when the broker is dead; then the object is left to the garbage collector."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_STOP_SECONDS):
            await stopping
