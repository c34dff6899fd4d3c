"""What units pushed, after a restore: given again or not at all, and never taken for what had its place before."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.backup.manifest import LogPart, Manifest
from deploy.backup.places import Places
from deploy.backup.restore import _Log, _log, _set_epoch
from shared.bus import Record
from shared.bus.kafka import KafkaBus
from shared.bus.kafka_copy import Line, _encode, file_name
from shared.events.base import unit_intake
from tests.backup.conftest import change, read
from tests.contract.bus_suite import nothing_more, take

INTAKE = unit_intake("u")
GROUP = "pinzhi.credit.intake"
PUSHED = [b"m0", b"m1", b"m2", b"m3", b"m4"]
TAKEN = 3
"""So many of them had been taken in when the backup was made; then two waited."""


def backup(folder: Path, first: int) -> Manifest:
    """A set whose log holds what was pushed, from the offset `first` on: what was before it was over its time."""
    (folder / "log").mkdir(parents=True)
    lines = [Line(first + n, 0, b"k", value, [("ce_id", b"1")]) for n, value in enumerate(PUSHED)]
    (folder / "log" / file_name(INTAKE, 0)).write_bytes(b"".join(map(_encode, lines)))
    log = LogPart("kafka", 0, {}, {INTAKE: {"0": first + 5}}, {GROUP: {INTAKE: {"0": first + TAKEN}}})
    return Manifest("", "sqlite", {}, log, {})


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("first", "there", "given", "moved"),
    [
        pytest.param(0, [], [b"m3", b"m4"], True, id="a new broker"),
        pytest.param(7, [], [b"m3", b"m4"], True, id="a new broker, and offsets begin anew"),
        pytest.param(0, [*PUSHED, b"new"], [b"m3", b"m4", b"new"], False, id="the same broker"),
        pytest.param(7, PUSHED[:2], [b"m3", b"m4"], True, id="cut off before what waits"),
        pytest.param(7, PUSHED[:4], [b"m3", b"m4"], True, id="cut off within what waits"),
        pytest.param(7, PUSHED, [b"m3", b"m4"], True, id="cut off after the log"),
        pytest.param(7, [*PUSHED, b"new"], [b"m3", b"m4", b"new"], True, id="cut off, and units pushed since"),
        pytest.param(0, [b"n0", b"n1"], [b"n0", b"n1", b"m3", b"m4"], True, id="made anew, shorter"),
        pytest.param(
            0, [b"n%d" % n for n in range(6)], [*(b"n%d" % n for n in range(6)), b"m3", b"m4"], True, id="longer"
        ),
    ],
)
async def test_every_message_that_was_not_taken_in_is_given(
    kafka_address: str, tmp_path: Path, first: int, there: Sequence[bytes], given: Sequence[bytes], moved: bool
) -> None:
    found = backup(tmp_path, first)
    bus = KafkaBus(kafka_address, session_ms=6_000)
    if there:
        await make(kafka_address)
    await bus.publish([Record(INTAKE, "k", value, {"ce_id": "1"}) for value in there])
    log = await _log(tmp_path, found, at(kafka_address, tmp_path), lambda _line: None)
    assert log.moved == ({(INTAKE, 0)} if moved else set())
    reader = await bus.subscribe("credit.intake", [INTAKE], member="credit:0")
    assert [each.value for each in await take(reader, len(given))] == list(given)
    await nothing_more(reader)
    await reader.close()
    await bus.close()


async def make(address: str) -> None:
    from deploy.topics import create_topics
    from deploy.topology import Topic

    server, _, prefix = address.partition("/")
    await create_topics(server, [Topic(prefix + INTAKE, 1, append_time=True)], replication=1)


def at(address: str, folder: Path) -> Places:
    return Places(folder, {}, f"kafka://{address}", folder)


def test_only_places_that_are_others_now_are_marked(installation: Places) -> None:
    file = installation.sqlite_file("credit")
    rows = [f"{INTAKE}/0/{5:020d}", f"{INTAKE}/1/{5:020d}", f"{INTAKE}/10/{5:020d}", f"{INTAKE}/0/{4:020d}@1"]
    other = unit_intake("u_") + f"/0/{5:020d}"
    columns = "place, key, message_id, type, sender, received_at, stored_at, status, answer, body"
    for place in (*rows, other):
        values = f"('{place}', 'k', NULL, 't', NULL, '2026-11-24', NULL, 'refused', '{{}}', x'')"
        change(file, f"INSERT INTO intake_message ({columns}) VALUES {values}")
    _set_epoch(file, _Log(3, frozenset({(INTAKE, 0)})))
    places = {place for (place,) in read(file, "SELECT place FROM intake_message")}
    assert places == {f"{rows[0]}@2", *rows[1:], other}
