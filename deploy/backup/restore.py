"""Puts a backup back: into an empty installation, or over one whose contents the operator gives up (`--force`).

Everything is made beside what is there, checked, and only then put in its place. A restore that is cut off leaves its
mark, and nothing starts on half a set: the same command again begins anew. On a Kafka each restore begins a new epoch
of the log (`shared/bus/epochs.py`): what the broker holds beyond the backup stays on topics that nobody reads.
"""

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy import topology
from deploy.backup import manifest, servers
from deploy.backup.manifest import Manifest
from deploy.backup.places import LOG_FILE, Places, files_under
from deploy.cli import datadir
from deploy.cli.errors import CliError
from shared import failpoints
from shared.bus import kafka_copy
from shared.bus.epochs import LOG, epoch_in, name_in
from shared.bus.kafka import KafkaBus
from shared.bus.opening import open_bus
from shared.db import copies
from shared.db.address import with_database
from shared.db.files import problem_of
from shared.db.migrate import revisions, upgrade

Say = Callable[[str], None]
BESIDE = "_restoring"
"""What follows the name of a database while it is filled."""


@datadir.owners_alone()
def restore(source: Path, places: Places, *, force: bool, say: Say = lambda _line: None) -> Manifest:
    """Raises CliError; until everything is checked and made, what is there is left as it is."""
    found = manifest.read(source)
    _check_fits(found, places)
    manifest.check(source, found)
    lock = datadir.claim(places.data_dir, restoring=True)
    try:
        _check_free(places, force=force)
        swapping = places.data_dir / datadir.SWAPPING
        beside = places.data_dir / datadir.RESTORING
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        try:
            _make(source, found, places, beside, say)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        failpoints.hit("restore.before_swap")
        swapping.touch()
        manifest.sync(places.data_dir)
        _swap(places, beside)
        failpoints.hit("restore.before_end")
        shutil.rmtree(beside)
        swapping.unlink()
    finally:
        lock.close()
    return found


def _make(source: Path, found: Manifest, places: Places, beside: Path, say: Say) -> None:
    """Everything that is put in place afterwards. The files are looked at before the log: a Kafka's is not unmade."""
    _copy_files(source, found, beside)
    if places.kind == "sqlite":
        for name, part in found.services.items():
            _check_file(source, beside, f"{name}.db", name, part.tables)
    if places.log_kind == "sqlite":
        _check_file(source, beside, LOG_FILE, "bus")
    log = asyncio.run(_log(source, found, places, say))
    for service in topology.SERVICES:
        say(f"database of {service.name} ...")
        _fill(source, found, places, service.name, beside, log)


def _check_file(source: Path, beside: Path, name: str, service: str, tables: dict[str, int] | None = None) -> None:
    """A SQLite file that was copied is that of its service, with the rows that the manifest tells. Raises CliError."""
    problem = problem_of(beside / name, service)
    if problem is None:
        try:
            with closing(sqlite3.connect(beside / name)) as connection:
                there = copies.row_counts(connection)
        except sqlite3.DatabaseError as error:
            raise CliError(f"备份中的 {source / name} 已损坏 / {source / name} is damaged: {error}") from error
        if not there:
            problem = "is empty"
        elif tables is not None and there != tables:
            wrong = sorted(table for table in there | tables if there.get(table) != tables.get(table))
            problem = f"has not the rows that {manifest.NAME} tells of: {', '.join(wrong[:8])}"
    if problem is not None:
        raise CliError(f"备份中的 {source / name} 不能用 / {source / name} {problem}; use another backup")


def _check_fits(found: Manifest, places: Places) -> None:
    """The kinds of database and log, and schemas that this version knows. Raises CliError."""
    if found.databases != places.kind:
        raise CliError(
            f"备份来自 {found.databases}，目标是 {places.kind} / the backup is of {found.databases}, the target of "
            f"{places.kind}; {'give --postgres' if found.databases == 'postgresql' else 'leave --postgres out'}"
        )
    if found.log.kind != places.log_kind:
        raise CliError(
            f"备份的日志在 {found.log.kind} / the backup's log is of {found.log.kind}; name that bus (--bus)"
        )
    for name, part in found.services.items():
        known = revisions(name)
        if part.revision > known[-1]:
            raise CliError(
                f"备份由更新的版本制作 / {name} of the backup has schema {part.revision}, this version knows "
                f"{known[-1]}; restore with the version that made it or a newer one"
            )
        if part.revision not in known:
            raise CliError(
                f"{name} 没有结构版本 {part.revision} / {name} never had schema {part.revision}; use another backup"
            )


def _check_free(places: Places, *, force: bool) -> None:
    """Refuse to drop anything unless it is told to, and to work below running services. Raises CliError."""
    there = _files_there(places)
    if places.kind == "postgresql":
        names = {name: topology.service(name).database for name in places.urls}
        there += [f"database {database}" for database in asyncio.run(servers.filled(places.urls, names))]
        busy = asyncio.run(servers.connected(places.urls, names))
        if busy:
            raise CliError(
                f"服务仍在运行 / services still use {', '.join(busy)}; stop them first (all of them, on all machines)"
            )
    if there and not force and not (places.data_dir / datadir.SWAPPING).exists():
        shown = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
        raise CliError(
            f"目标不是空的 / the target is not empty: {shown}; choose an empty one, or give --force to drop all of it"
        )


def _files_there(places: Places) -> list[str]:
    found = [places.sqlite_file(name) for name in places.urls] if places.kind == "sqlite" else []
    found += [places.log_file] if places.log_kind == "sqlite" else []
    there = [str(path) for path in found if path.exists()]
    there += [str(folder) for _name, folder in places.folders() if folder.is_dir() and files_under(folder)]
    return there


def _copy_files(source: Path, found: Manifest, beside: Path) -> None:
    """Bytes are compared with the manifest again as they are copied: the medium may lie."""
    for name in sorted(found.files):
        if name.endswith(".copy") or name.startswith("log/"):
            continue
        target = beside / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source / name, target)
        if manifest.digest_of(target) != found.files[name][1]:
            raise CliError(f"备份中的 {source / name} 读不出 / {source / name} cannot be read back; use another backup")
        manifest.sync(target)


# The log --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Log:
    epoch: int
    moved: frozenset[tuple[str, int]] = frozenset()
    """Partitions whose messages have other places now than when they were taken in (those of units outside)."""


async def _log(source: Path, found: Manifest, places: Places, say: Say) -> _Log:
    """Bring a Kafka's log back under a new epoch; the embedded log is one of the files."""
    if places.log_kind == "sqlite":
        return _Log(found.log.epoch)
    bus = open_bus(places.bus_url)
    assert isinstance(bus, KafkaBus)
    there = await kafka_copy.topics(bus)
    epoch = 1 + max([found.log.epoch, *(epoch_in(name)[1] for name in there)])
    say(f"log, epoch {epoch} ...")
    backed = {epoch_in(name)[0]: len(partitions) for name, partitions in found.log.ends.items()}
    await _make_topics(places.bus_url, epoch, backed)
    ends = await kafka_copy.ends(bus, {name: count for name, count in there.items() if name in backed})
    groups: dict[str, kafka_copy.Offsets] = {group: {} for group in found.log.groups}
    elsewhere = set()
    for name, partitions in sorted(found.log.ends.items()):
        topic = epoch_in(name)[0]
        target = name_in(epoch, topic)
        outside = target == topic
        for number, end in ((int(key), end) for key, end in partitions.items()):
            wanted = {
                group: offsets[name][str(number)]
                for group, offsets in found.log.groups.items()
                if str(number) in offsets.get(name, {})
            }
            held = ends.get(topic, {}).get(number, 0) if outside else 0
            if held and await kafka_copy.is_there(bus, source / "log", name, number, end, held):
                # A topic of units outside that is there still: what they pushed since is taken in again.
                moved = {mark: min(mark, held) for mark in wanted.values()}
            else:
                if outside:
                    elsewhere.add((topic, number))
                moved = await _load(bus, source / "log", name, number, target, held, set(wanted.values()))
            for group, mark in wanted.items():
                groups[group].setdefault(target, {})[number] = moved[mark]
    for group, offsets in groups.items():
        await kafka_copy.put_positions(bus, group, offsets)
    await bus.close()
    return _Log(epoch, frozenset(elsewhere))


async def _load(
    bus: KafkaBus, folder: Path, name: str, number: int, target: str, held: int, marks: set[int]
) -> dict[int, int]:
    """Bring a partition back. One that holds something (`held`) is that of a restore which was cut off, and is filled
    up; or its topic was made anew and units pushed already: that is read from its beginning, and what nobody had read
    when the backup was made comes behind it."""
    begun = await kafka_copy.begun(bus, folder, name, number, held) if held else 0
    lines = _lines(folder / kafka_copy.file_name(name, number))
    if begun in (held, lines):
        return await kafka_copy.load(bus, folder, name, number, target, marks, skip=begun)
    since = min(marks, default=0)
    moved = await kafka_copy.load(bus, folder, name, number, target, marks, skip=begun, since=since)
    return {mark: min(now, begun) for mark, now in moved.items()}


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


async def _make_topics(bus_url: str, epoch: int, partitions: dict[str, int]) -> None:
    """As in the topology (others are those of units), with as many partitions as the backup has: keys stay put."""
    from deploy.cli.prepare import make_these_topics

    known = {topic.name: topic for topic in topology.TOPICS}
    wanted = [
        replace(
            known.get(name) or topology.Topic(name, count, topology.UNIT_RETENTION_MS, append_time=True),
            name=name_in(epoch, name),
            partitions=count,
        )
        for name, count in partitions.items()
    ]
    await make_these_topics(bus_url, wanted)


# The databases --------------------------------------------------------------------------------------------------------


def _fill(source: Path, found: Manifest, places: Places, name: str, beside: Path, log: _Log) -> None:
    if places.kind == "sqlite":
        _set_epoch(beside / f"{name}.db", log)
        return
    url = places.urls[name]
    database = topology.service(name).database
    asyncio.run(servers.create_anew(url, database + BESIDE))
    filling = with_database(url, database + BESIDE)
    upgrade(name, filling, found.services[name].revision)
    try:
        asyncio.run(copies.load(filling, source / name, found.services[name].tables, say=lambda _table: None))
    except ValueError as error:
        raise CliError(f"{name}: {error}; use another backup") from error
    asyncio.run(servers.execute(filling, *_statements(log, list(found.services[name].tables))))


def _statements(log: _Log, tables: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """The service's epoch; nobody holds anything; units' messages are known by places that are no more."""
    statements: list[tuple[str, dict[str, Any]]] = [
        ("DELETE FROM lease", {}),
        ("DELETE FROM projection_generation WHERE name = :log", {"log": LOG}),
    ]
    if log.epoch:
        insert = "INSERT INTO projection_generation (name, generation, rebuilding) VALUES (:log, :epoch, false)"
        statements.append((insert, {"log": LOG, "epoch": log.epoch}))
    if "intake_message" in tables:
        move = (
            "UPDATE intake_message SET place = place || :mark "
            "WHERE substr(place, 1, :size) = :places AND place NOT LIKE '%@%'"
        )
        for topic, number in sorted(log.moved):
            places = f"{topic}/{number}/"
            statements.append((move, {"mark": f"@{log.epoch - 1}", "places": places, "size": len(places)}))
    return statements


def _set_epoch(path: Path, log: _Log) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for statement, values in _statements(log, names):
            connection.execute(statement, values)
        connection.execute("PRAGMA journal_mode=WAL")


# The swap -------------------------------------------------------------------------------------------------------------


def _swap(places: Places, beside: Path) -> None:
    """Put everything in its place. Cut off here, the mark of the restore is still there."""
    if places.kind == "sqlite":
        for name in places.urls:
            _put(beside / f"{name}.db", places.sqlite_file(name))
            failpoints.hit("restore.in_swap")
    if places.log_kind == "sqlite":
        _put(beside / LOG_FILE, places.log_file)
    for name, folder in places.folders():
        for path in files_under(folder):
            path.unlink()
        for path in files_under(beside / name):
            _put(path, folder / path.relative_to(beside / name))
    if places.kind == "postgresql":
        for name, url in places.urls.items():
            database = topology.service(name).database
            asyncio.run(servers.put_in_place(url, database + BESIDE, database))
            failpoints.hit("restore.in_swap")


def _put(path: Path, target: Path) -> None:
    """Replace `target`, with what SQLite keeps beside it."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    try:
        os.replace(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".part-{target.name}")  # a volume of its own
        shutil.copyfile(path, beside)
        manifest.sync(beside)
        os.replace(beside, target)
    manifest.sync(target.parent)
