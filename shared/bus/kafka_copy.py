"""The log of a Kafka as files, and back: what a backup keeps of a bus whose storage is the broker's.

One file for each partition, a line for each record: `{"o": offset, "t": ms, "k": ..., "v": ..., "h": [[name, ...]]}`,
bytes in base64. Names of topics are those on the bus, without the installation's prefix.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared import failpoints
from shared.bus.kafka import KafkaBus, bounded

Offsets = dict[str, dict[int, int]]
"""Topic -> partition -> offset."""
_BATCH = 500
_SESSION_SECONDS, _AGAIN_SECONDS = 30.0, 0.5
"""Longer than a member that stopped holds its place (ten seconds)."""
_OURS = "pinzhi."


@dataclass(frozen=True)
class Line:
    """One record as it stands in a file."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


@asynccontextmanager
async def reading(bus: KafkaBus, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside of every group, or for the positions of one. Raises OSError where no broker answers."""
    # What is asked for is there: a broker that waits for more would hold back the next partition, half a second each.
    consumer = AIOKafkaConsumer(**bus.client_options(), enable_auto_commit=False, fetch_max_wait_ms=10, **options)
    try:
        try:
            await consumer.start()
        except KafkaError as error:
            raise await bus.why(error) from error
        yield consumer
    finally:
        await bounded(consumer.stop())


@asynccontextmanager
async def administering(bus: KafkaBus) -> AsyncIterator[AIOKafkaAdminClient]:
    """Raises OSError where no broker answers."""
    admin = AIOKafkaAdminClient(**bus.client_options())
    try:
        try:
            await admin.start()
        except KafkaError as error:
            raise await bus.why(error) from error
        yield admin
    finally:
        await bounded(admin.close())


async def topics(bus: KafkaBus) -> dict[str, int]:
    """Our topics of all epochs with their numbers of partitions."""
    async with administering(bus) as admin:
        names = sorted(name for name in await admin.list_topics() if name.startswith(bus.prefix + _OURS))
        found = await admin.describe_topics(names) if names else []
        return {each["topic"].removeprefix(bus.prefix): len(each["partitions"]) for each in found}


async def ends(bus: KafkaBus, names: Mapping[str, int]) -> Offsets:
    """The offset after the newest record of each partition."""
    if not names:
        return {}
    async with reading(bus) as consumer:
        places = _places(bus, names)
        consumer.assign(places)
        return _offsets(bus, await consumer.end_offsets(places))


async def positions(bus: KafkaBus) -> dict[str, Offsets]:
    """What each of our groups has committed."""
    async with administering(bus) as admin:
        groups = sorted({group for group, *_ in await admin.list_consumer_groups()})
        return {
            group.removeprefix(bus.prefix): _offsets(
                bus, {place: found.offset for place, found in (await admin.list_consumer_group_offsets(group)).items()}
            )
            for group in groups
            if group.startswith(bus.prefix + _OURS)
        }


async def export(
    bus: KafkaBus, until: Offsets, folder: Path, keep: Callable[[str, int, list[Line]], Awaitable[list[Line]]]
) -> dict[str, int]:
    """Write what the partitions hold below `until`; how many records of each file. `keep` is asked about each batch
    of a partition, and gives those that are written."""
    counts = {}
    async with reading(bus, auto_offset_reset="earliest") as consumer:
        for topic, partitions in sorted(until.items()):
            for partition, end in sorted(partitions.items()):
                file = folder / file_name(topic, partition)
                counts[file.name] = 0
                with file.open("wb") as out:
                    async for batch in _read(consumer, TopicPartition(bus.prefix + topic, partition), end):
                        kept = await keep(topic, partition, batch)
                        await asyncio.to_thread(out.writelines, [_encode(line) for line in kept])
                        counts[file.name] += len(kept)
                failpoints.hit("backup.partition")
    return counts


async def _read(
    consumer: AIOKafkaConsumer, place: TopicPartition, end: int, *, start: int | None = None
) -> AsyncIterator[list[Line]]:
    consumer.assign([place])
    if start is None:
        await consumer.seek_to_beginning(place)
    else:
        consumer.seek(place, start)
    while await consumer.position(place) < end:
        found = await consumer.getmany(place, timeout_ms=1000, max_records=_BATCH)
        batch = [
            Line(each.offset, each.timestamp, each.key, each.value, list(each.headers))
            for each in found.get(place, ())
            if each.offset < end
        ]
        if batch:
            yield batch


async def is_there(bus: KafkaBus, folder: Path, topic: str, partition: int, until: int, end: int) -> bool:
    """Whether a partition that ends at `end` is still the one that was written to its file (`until` there): it holds
    the file's last record in its place, or is past it. A topic that was made anew holds something else there."""
    last = None
    with (folder / file_name(topic, partition)).open("rb") as lines:
        for last in lines:  # noqa: B007 - the last one
            pass
    if last is None:
        return end >= until
    wanted = _decode(last)
    if end <= wanted.offset:
        return False
    place = TopicPartition(bus.prefix + topic, partition)
    async with reading(bus) as consumer:
        consumer.assign([place])
        if (await consumer.beginning_offsets([place]))[place] > wanted.offset:
            return True
        async for batch in _read(consumer, place, wanted.offset + 1, start=wanted.offset):
            return _content(batch[0]) == _content(wanted) and batch[0].offset == wanted.offset
    return False


async def begun(bus: KafkaBus, folder: Path, topic: str, partition: int, end: int) -> int:
    """With how many of a file's first records the partition begins: those that a restore which was cut off sent."""
    count = 0
    async with reading(bus, auto_offset_reset="earliest") as consumer:
        with (folder / file_name(topic, partition)).open("rb") as lines:
            async for batch in _read(consumer, TopicPartition(bus.prefix + topic, partition), end):
                for each in batch:
                    raw = lines.readline()
                    if not raw or _content(_decode(raw)) != _content(each):
                        return count
                    count += 1
    return count


def _content(line: Line) -> tuple[Any, ...]:
    """What its sender gave: the time is the broker's, and another one after a restore."""
    return line.key, line.value, [tuple(header) for header in line.headers]


async def load(
    bus: KafkaBus,
    folder: Path,
    topic: str,
    partition: int,
    target: str,
    marks: Iterable[int],
    *,
    skip: int = 0,
    since: int = 0,
) -> dict[int, int]:
    """Send the records of one file to a partition of `target`, which holds the first `skip` of them already; none below
    the offset `since`. For each of `marks` (offsets of the old partition) the offset that stands for it now, if nothing
    else is in the partition."""
    producer = AIOKafkaProducer(
        **bus.client_options(), enable_idempotence=True, acks="all", max_batch_size=262_144, request_timeout_ms=30_000
    )
    await producer.start()
    moved = dict.fromkeys(marks, 0)
    try:
        with (folder / file_name(topic, partition)).open("rb") as lines:
            sent = []
            for number, raw in enumerate(lines):
                line = _decode(raw)
                for mark in moved:
                    moved[mark] += line.offset < mark
                if number < skip or line.offset < since:
                    continue
                sent.append(
                    await producer.send(
                        bus.prefix + target,
                        line.value,
                        key=line.key,
                        partition=partition,
                        timestamp_ms=line.timestamp,
                        headers=line.headers,
                    )
                )
                if len(sent) >= _BATCH:
                    await asyncio.gather(*sent)
                    sent = []
            await asyncio.gather(*sent)
        failpoints.hit("restore.records")
        return moved
    except KafkaError as error:
        raise await bus.why(error) from error
    finally:
        await bounded(producer.stop())


async def put_positions(bus: KafkaBus, group: str, offsets: Offsets) -> None:
    """Where a group, which has no member now, goes on reading. One that has just stopped is a member until its session
    ends, and is waited for. Raises OSError when somebody still is one."""
    wanted = {
        TopicPartition(bus.prefix + topic, partition): offset
        for topic, partitions in offsets.items()
        for partition, offset in partitions.items()
    }
    if not wanted:
        return
    async with reading(bus, group_id=bus.prefix + group) as consumer:
        consumer.assign(list(wanted))
        deadline = time.monotonic() + _SESSION_SECONDS
        while True:
            try:
                await consumer.commit(wanted)
                return
            except KafkaError as error:
                if time.monotonic() > deadline:
                    raise await bus.why(error, f"positions of {group}: ") from error
            await asyncio.sleep(_AGAIN_SECONDS)


def file_name(topic: str, partition: int) -> str:
    return f"{topic}-{partition}.jsonl"


def _places(bus: KafkaBus, names: Mapping[str, int]) -> list[TopicPartition]:
    return [TopicPartition(bus.prefix + name, number) for name, count in names.items() for number in range(count)]


def _offsets(bus: KafkaBus, found: Mapping[TopicPartition, int]) -> Offsets:
    offsets: Offsets = {}
    for place, offset in found.items():
        offsets.setdefault(place.topic.removeprefix(bus.prefix), {})[place.partition] = offset
    return offsets


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)


def _encode(line: Line) -> bytes:
    headers = [[name, _text(value)] for name, value in line.headers]
    body = {"o": line.offset, "t": line.timestamp, "k": _text(line.key), "v": _text(line.value), "h": headers}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def _decode(raw: bytes) -> Line:
    body = orjson.loads(raw)
    headers = [(name, _bytes(value) or b"") for name, value in body["h"]]
    return Line(body["o"], body["t"], _bytes(body["k"]), _bytes(body["v"]), headers)
