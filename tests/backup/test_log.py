"""A Kafka's log out of the broker and back: what is kept, what is left out, where groups go on."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.backup.places import Places
from deploy.backup.take import _Kafka
from deploy.topics import create_topics
from deploy.topology import Topic
from shared.bus import Record
from shared.bus.envelope import Envelope, to_record
from shared.bus.epochs import in_epoch, name_in
from shared.bus.kafka import KafkaBus
from shared.bus.kafka_copy import Line, ends, export, load, positions, put_positions, topics
from shared.db.copies import SqliteCopy
from tests.backup.conftest import change
from tests.contract.bus_suite import TOPIC, take
from tests.support.app import NOW
from tests.support.kafka import PARTITIONS


def line(source: str, key: str, sequence: int, topic: str = TOPIC) -> Line:
    envelope = Envelope("id", "t", source, key, sequence, NOW, b"{}")
    record = to_record(topic, envelope)
    headers = [(name, value.encode()) for name, value in record.headers.items()]
    return Line(7, 0, key.encode(), b"{}", headers)


def test_what_no_copy_knows_is_left_out(installation: Places) -> None:
    """Its transaction came after the copy was looked at: after a restore, another event gets its number."""
    kafka = _Kafka(replace(installation, bus_url="kafka://127.0.0.1:9"))
    copy = SqliteCopy(installation.sqlite_file("credit"))

    async def known(topic: str, each: Line) -> bool:
        return await kafka._is_known({"credit": copy}, topic, each)

    async def judged() -> None:
        await copy.pin()
        assert [await known(TOPIC, line("credit", "K", number)) for number in (1, 3, 4, 9)] == [
            True,
            True,
            False,
            False,
        ]
        assert await known("pinzhi.credit.v1.e2", line("credit", "K", 3))
        assert not await known("pinzhi.credit.v1.e2", line("credit", "K", 4))
        assert not await known(TOPIC, line("credit", "new", 1))
        # What a unit sent, and what is no event of ours, takes no number from anybody.
        assert await known("pinzhi.enforcement.intake.v1", line("credit", "K", 9))
        assert await known(TOPIC, Line(7, 0, b"K", b"{}", [("ce_id", b"x")]))
        await copy.close()

    asyncio.run(judged())


def test_the_copy_that_is_asked_is_the_one_that_was_looked_at(installation: Places) -> None:
    kafka = _Kafka(replace(installation, bus_url="kafka://127.0.0.1:9"))
    copy = SqliteCopy(installation.sqlite_file("credit"))

    async def judged() -> None:
        await copy.pin()
        change(installation.sqlite_file("credit"), "UPDATE outbox_sequence SET last = 4 WHERE key = 'K'")
        assert not await kafka._is_known({"credit": copy}, TOPIC, line("credit", "K", 4))
        await copy.close()

    asyncio.run(judged())


@pytest.mark.kafka
async def test_out_of_the_broker_and_back(kafka_address: str, tmp_path: Path) -> None:
    bus = KafkaBus(kafka_address, session_ms=6_000)
    try:
        await _there_and_back(bus, kafka_address, tmp_path)
    finally:
        await bus.close()


async def _there_and_back(bus: KafkaBus, address: str, tmp_path: Path) -> None:
    server, _, prefix = address.partition("/")
    sent = [Record(TOPIC, f"k{n % 5}", bytes([n]), {"ce_sequence": str(n), "名": "值"}) for n in range(40)]
    await bus.publish(sent[:25])
    reader = await bus.subscribe("gateway", [TOPIC], member="gateway:0")
    read = await take(reader, 25)
    await reader.commit(read[:20])
    committed = await positions(bus)
    await reader.close()
    names = {TOPIC: (await topics(bus))[TOPIC]}
    assert names == {TOPIC: PARTITIONS}
    until = await ends(bus, names)
    await bus.publish(sent[25:])  # beyond the backup

    folder = tmp_path / "log"
    folder.mkdir()

    async def keep(_topic: str, _partition: int, lines: list[Line]) -> list[Line]:
        return [each for each in lines if each.value != bytes([3])]

    counts = await export(bus, until, folder, keep)
    assert sum(counts.values()) == 24
    target = name_in(1, TOPIC)
    await create_topics(server, [Topic(prefix + target, PARTITIONS, replication=1)])
    moved: dict[int, int] = {}
    for partition in range(PARTITIONS):
        mark = committed["pinzhi.gateway"][TOPIC].get(partition, 0)
        moved[partition] = (await load(bus, folder, TOPIC, partition, target, [mark]))[mark]
    await put_positions(bus, "pinzhi.gateway", {target: moved})

    after = in_epoch(bus, 1)
    back = [record async for records in after.read_all([TOPIC]) for record in records]
    expected = [each for each in sent[:25] if each.value != bytes([3])]
    plain = [Record(each.topic, each.key, each.value, each.headers) for each in back]
    assert sorted(plain, key=lambda each: each.value) == expected
    for key in {each.key for each in expected}:
        assert [each for each in plain if each.key == key] == [each for each in expected if each.key == key]
    done = {each.value for each in read[:20]} - {bytes([3])}
    again = await after.subscribe("gateway", [TOPIC], member="gateway:0")
    rest = await take(again, 24 - sum(moved.values()))
    # At least what was not committed; per partition no more than that.
    assert {each.value for each in expected} - done <= {each.value for each in rest}
    assert (await after.lag("gateway", [TOPIC]))[TOPIC] == 24 - sum(moved.values())
    await again.close()
