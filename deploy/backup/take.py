"""Takes a backup beside running writes.

All databases are held for one moment: nothing is applied anywhere while each of them is looked at, so that for the set
inbox <= log <= outbox. On SQLite the moment stops writers too (they wait for their turn); on PostgreSQL writes go on.
Then everybody goes on and the copies are written, of that moment. A Kafka's log is read up to where it ended just after
the moment, less what was sent of transactions that the copies do not have: such a record belongs to nobody.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.backup import manifest
from deploy.backup.manifest import LogPart, Manifest, ServicePart
from deploy.backup.places import LOG_FILE, Places, files_under
from deploy.cli import datadir
from deploy.cli.errors import CliError
from shared import failpoints
from shared.bus import kafka_copy
from shared.bus.envelope import EnvelopeError, Record, from_record
from shared.bus.epochs import epoch_in, name_in
from shared.bus.kafka import KafkaBus
from shared.bus.opening import open_bus
from shared.db.copies import Busy, PostgresCopy, SqliteCopy

PART = ".part"
"""What a backup is called while it is made."""
_TRIES = 3
_BROKER_SECONDS = 15
Copy = SqliteCopy | PostgresCopy


@datadir.owners_alone()
def take(places: Places, target: Path) -> Manifest:
    """Make the folder `target`. Raises CliError; what was begun is removed."""
    if target.exists():
        raise CliError(f"{target} 已存在 / {target} is there already; name a folder that is not")
    part = target.with_name(target.name + PART)
    if part.exists():
        shutil.rmtree(part)  # of a backup that was killed
    target.parent.mkdir(parents=True, exist_ok=True)
    part.mkdir(mode=0o700)
    try:
        made = asyncio.run(_take(places, part))
        failpoints.hit("backup.before_manifest")
        manifest.write(part, made)
        manifest.sync(part)
        failpoints.hit("backup.before_rename")
        os.rename(part, target)
        manifest.sync(target.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return made


async def _take(places: Places, folder: Path) -> Manifest:
    copies = _copies(places)
    try:
        return await _write(places, folder, copies)
    finally:
        for copy in copies.values():
            await copy.close()


def _copies(places: Places) -> dict[str, Copy]:
    """The databases under the names of their services, the embedded log as `bus`."""
    copies: dict[str, Copy] = {}
    for name, url in places.urls.items():
        if url.startswith("sqlite"):
            if not places.sqlite_file(name).exists():
                raise CliError(
                    f"没有 {name} 的数据库 / no database of {name}: {places.sqlite_file(name)}; "
                    "give --data-dir or --postgres"
                )
            copies[name] = SqliteCopy(places.sqlite_file(name), name=f"{name}.db")
        else:
            copies[name] = PostgresCopy(url)
    if places.log_kind == "sqlite":
        if not places.log_file.exists():
            raise CliError(f"没有事件日志 / no log: {places.log_file}; give --data-dir or --bus")
        copies["bus"] = SqliteCopy(places.log_file, name=LOG_FILE)
    return copies


async def _write(places: Places, folder: Path, copies: Mapping[str, Copy]) -> Manifest:
    kafka = _Kafka(places) if places.log_kind == "kafka" else None
    held = await _moment(copies, kafka)
    taken_at = datetime.now(UTC)
    services = {}
    for name, copy in copies.items():
        into = folder / name if isinstance(copy, PostgresCopy) else folder
        into.mkdir(mode=0o700, exist_ok=True)
        tables = await copy.write(into)
        if name != "bus":
            services[name] = await _part(copy, tables)
    log = LogPart("sqlite", max(part.epoch for part in services.values()))
    if kafka is not None:
        (folder / "log").mkdir(mode=0o700)
        log = await kafka.write(folder, copies, services)
    await asyncio.to_thread(_copy_files, places, folder)
    files = await asyncio.to_thread(manifest.list_files, folder)
    return Manifest(
        taken_at=taken_at.isoformat(timespec="seconds"),
        databases=places.kind,
        services=services,
        log=log,
        files=files,
        held_seconds=round(held, 3),
    )


async def _moment(copies: Mapping[str, Copy], kafka: "_Kafka | None") -> float:
    """Pin all copies at one moment; for how long consumers were held, in seconds."""
    if kafka is not None:
        await kafka.before()
    for attempt in range(1, _TRIES + 1):
        began = time.monotonic()
        try:
            # Each in turn, the log last: a service that holds its file may be waiting for the log's, never the reverse.
            for copy in copies.values():
                await copy.hold()
            failpoints.hit("backup.held")
            for copy in copies.values():
                await copy.pin()
            if kafka is not None:
                await kafka.after()
            failpoints.hit("backup.pinned")
            return time.monotonic() - began
        except Busy as error:
            if attempt == _TRIES:
                raise CliError(
                    f"数据库一直被占用 / a database is held by a long transaction ({error}); try again later"
                ) from error
        finally:
            for copy in copies.values():
                await copy.release()
    raise AssertionError("unreachable")


async def _part(copy: Copy, tables: dict[str, int]) -> ServicePart:
    async def number(sql: str) -> int:
        return int((await copy.rows(sql))[0][0] or 0)

    ((revision,),) = await copy.rows("SELECT version_num FROM alembic_version")
    return ServicePart(
        revision=revision,
        tables=tables,
        epoch=await number("SELECT max(generation) FROM projection_generation WHERE name = 'log'"),
        outbox=await number("SELECT sum(last) FROM outbox_sequence"),
        inbox=await number("SELECT sum(sequence) FROM inbox"),
    )


def _copy_files(places: Places, folder: Path) -> None:
    """Keys, attachments, registries. An attachment is there before the row that names it, so all that the copies name
    are among them, whatever came since."""
    for name, source in places.folders():
        for path in files_under(source):
            target = folder / name / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile, as a redaction does
                shutil.copyfile(path, target)


class _Kafka:
    """The log of a broker: where it was before the moment and after it."""

    def __init__(self, places: Places) -> None:
        bus = open_bus(places.bus_url)
        assert isinstance(bus, KafkaBus)
        self._bus = bus
        self._topics: dict[str, int] = {}
        self._groups: dict[str, kafka_copy.Offsets] = {}
        self._before: kafka_copy.Offsets = {}
        self._after: kafka_copy.Offsets = {}

    async def before(self) -> None:
        """Positions first of all: what is read again is skipped, what is left out would be lost."""
        self._topics = await kafka_copy.topics(self._bus)
        self._groups = await kafka_copy.positions(self._bus)
        self._before = await kafka_copy.ends(self._bus, self._topics)

    async def after(self) -> None:
        """Consumers are held meanwhile: a broker that does not answer gets no more time."""
        try:
            async with asyncio.timeout(_BROKER_SECONDS):
                self._after = await kafka_copy.ends(self._bus, self._topics)
        except TimeoutError as error:
            raise OSError(f"kafka: no answer for {_BROKER_SECONDS} s; try again later") from error

    async def write(self, folder: Path, copies: Mapping[str, Copy], services: Mapping[str, ServicePart]) -> LogPart:
        epoch = max(part.epoch for part in services.values())
        now = {name: ends for name, ends in self._after.items() if name == name_in(epoch, epoch_in(name)[0])}

        async def keep(topic: str, partition: int, lines: list[kafka_copy.Line]) -> list[kafka_copy.Line]:
            before = self._before.get(topic, {}).get(partition, 0)
            return [line for line in lines if line.offset < before or await self._is_known(copies, topic, line)]

        records = await kafka_copy.export(self._bus, now, folder / "log", keep)
        await self._bus.close()
        as_text = {
            group: {topic: _keys(found) for topic, found in offsets.items() if topic in now}
            for group, offsets in self._groups.items()
        }
        return LogPart("kafka", epoch, records, {topic: _keys(found) for topic, found in now.items()}, as_text)

    async def _is_known(self, copies: Mapping[str, Copy], topic: str, line: kafka_copy.Line) -> bool:
        """Whether the copy of the service that sent it has the transaction from which it came."""
        key = (line.key or b"").decode("utf-8", "replace")
        headers = {name: value.decode("utf-8", "replace") for name, value in line.headers}
        try:
            envelope = from_record(Record(topic, key, line.value or b"", headers))
        except EnvelopeError:
            return True  # a unit's message, or nothing that takes effect
        copy = copies.get(envelope.source)
        if copy is None or epoch_in(topic)[0] != f"pinzhi.{envelope.source}.v1":
            return True
        rows = await copy.rows("SELECT last FROM outbox_sequence WHERE key = :key", key=envelope.key)
        return bool(rows) and envelope.sequence <= rows[0][0]


def _keys(found: Mapping[int, int]) -> dict[str, Any]:
    return {str(partition): offset for partition, offset in found.items()}


def summary(made: Manifest) -> str:
    """One line for each part."""
    lines = [
        f"{name}\t{part.revision}\t{sum(part.tables.values())} rows\t{part.outbox} published\t{part.inbox} applied"
        for name, part in made.services.items()
    ]
    size = sum(size for size, _digest in made.files.values())
    lines.append(f"{len(made.files)} files\t{size:,} bytes\theld for {made.held_seconds:.3f} s\tepoch {made.log.epoch}")
    return "\n".join(lines)
