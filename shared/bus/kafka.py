"""The bus on Apache Kafka (aiokafka). How it is reached: `kafka_access.py`.

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
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from shared.bus.envelope import Record, StoredRecord
from shared.bus.kafka_access import KafkaAccess
from shared.bus.progress import Places
from shared.bus.protocol import TopicRefused

log = structlog.get_logger("kafka")

_SEND_SECONDS = 10.0
_STOP_SECONDS = 5.0
_ASK_SECONDS = 10.0
_LOOK_SECONDS = 3.0
"""A look at the ends that a dying broker took with it is asked again, so that its return is noticed."""
_AGAIN_SECONDS = 0.2
_LOG_APPEND_TIME = 1
_REFUSED = (TopicAuthorizationFailedError, UnknownTopicOrPartitionError)
_LATE = (CommitFailedError, IllegalStateError, RebalanceInProgressError)


class KafkaBus:
    topics_are_made = True

    def __init__(self, access: KafkaAccess | str, *, session_ms: int = 10_000) -> None:
        """`access` as text: `host:port[/prefix]` of a broker without protection."""
        self._access = KafkaAccess.of(f"kafka://{access}") if isinstance(access, str) else access
        self.prefix = self._access.prefix
        self._session_ms = session_ms
        self._producer: AIOKafkaProducer | None = None
        self._lister: AIOKafkaClient | None = None
        self._lock = asyncio.Lock()

    @property
    def authenticates(self) -> bool:
        return self._access.authenticates

    def client_options(self) -> dict[str, Any]:
        """What every client of these brokers is made with."""
        return self._access.options()

    async def why(self, error: Exception, at: str = "") -> OSError:
        """`error` as an OSError that tells the cause; `at`: what was being done."""
        return await self._access.why(error, at)

    async def start(self) -> None:
        """Nothing: connections are made when they are needed, so that a service starts while the broker is away."""

    async def close(self) -> None:
        await self._drop_producer()
        await self._drop_lister()

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        async with self._lock:
            try:
                async with asyncio.timeout(_SEND_SECONDS):
                    producer = self._producer or await self._open_producer()
                    sent = [await self._send(producer, record) for record in records]
                    answers = await asyncio.gather(*sent, return_exceptions=True)
                    for record, answer in zip(records, answers, strict=True):
                        if isinstance(answer, _REFUSED):
                            raise TopicRefused(record.topic, f"kafka: {type(answer).__name__}: {record.topic}")
                        if isinstance(answer, BaseException):
                            raise answer
            except BaseException as error:
                await self._drop_producer()
                if isinstance(error, KafkaError):
                    raise await self._access.why(error) from error
                raise

    async def _send(self, producer: AIOKafkaProducer, record: Record) -> "asyncio.Future[Any]":
        try:
            future: asyncio.Future[Any] = await producer.send(
                self.prefix + record.topic,
                record.value,
                key=record.key.encode(),
                headers=[(name, value.encode()) for name, value in record.headers.items()],
            )
        except _REFUSED as error:
            raise TopicRefused(record.topic, f"kafka: {type(error).__name__}: {record.topic}") from error
        return future

    async def _open_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._access.options(),
            enable_idempotence=True,
            acks="all",
            # shorter than the deadline: a topic that is not there is waited for so long, and told by its name
            request_timeout_ms=int(_SEND_SECONDS * 800),
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
            **self._access.options(),
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
                raise await self._access.why(error) from error
            raise
        return KafkaSubscriber(consumer, self.prefix, topics)

    async def read_all(self, topics: Sequence[str]) -> AsyncIterator[list[StoredRecord]]:
        # What is asked for is there: a broker that waits for more would hold back the last records of each partition.
        consumer = AIOKafkaConsumer(
            **self._access.options(), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=10
        )
        await self._start(consumer)
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
            **self._access.options(), group_id=f"{self.prefix}pinzhi.{group}", enable_auto_commit=False
        )
        await self._start(consumer)
        try:
            found = {}
            for topic in topics:
                numbers = await _partitions(consumer, self.prefix + topic)
                places = [TopicPartition(self.prefix + topic, number) for number in numbers]
                consumer.assign(places)
                ends = await consumer.end_offsets(places)
                done = [await consumer.committed(place) or 0 for place in places]
                # Asked for after the ends, a position may be beyond them already.
                found[topic] = sum(max(0, ends[place] - at) for place, at in zip(places, done, strict=True))
            return found
        finally:
            await bounded(consumer.stop())

    async def _start(self, consumer: AIOKafkaConsumer) -> None:
        try:
            await consumer.start()
        except KafkaError as error:
            await bounded(consumer.stop())
            raise await self._access.why(error) from error

    async def topics(self, prefix: str) -> list[str]:
        """Over a connection that is kept: it is asked every few seconds."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                if self._lister is None:
                    # Kept before it is connected, so that one that failed is closed too.
                    self._lister = AIOKafkaClient(**self._access.options())
                    await self._lister.bootstrap()
                found = (await self._lister.fetch_all_metadata()).topics()
        except BaseException as error:
            await self._drop_lister()
            if isinstance(error, KafkaError):
                raise await self._access.why(error) from error
            raise
        whole = self.prefix + prefix
        return sorted(name.removeprefix(self.prefix) for name in found if name.startswith(whole))

    async def _drop_lister(self) -> None:
        lister, self._lister = self._lister, None
        if lister is not None:
            await bounded(lister.close())


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

    async def change(self, topics: Sequence[str]) -> None:
        """Of the member as it is: one that came anew under its static id would be given its former partitions."""
        self._topics = list(topics)
        self._committed.clear()
        self._consumer.subscribe([self._prefix + topic for topic in topics])

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
            # the value of a header may be null
            headers={name: (value or b"").decode("utf-8", "replace") for name, value in message.headers},
            partition=place.partition,
            offset=message.offset,
            stored_at=_stored_at(message),
        )
        for place, messages in found.items()
        for message in messages
    ]


def _stored_at(message: Any) -> datetime | None:
    """The broker's own time, where the topic keeps that one (`message.timestamp.type=LogAppendTime`)."""
    if message.timestamp_type != _LOG_APPEND_TIME:
        return None
    return datetime.fromtimestamp(message.timestamp / 1000, UTC)


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
