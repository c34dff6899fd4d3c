"""Looks at an installation, running or not, and tells what is damaged and which command helps. Changes nothing."""

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deploy.backup.manifest import digest_of
from deploy.backup.places import Places, files_under
from deploy.cli import datadir
from shared import audit
from shared.bus import dead_letters, kafka_copy
from shared.bus.epochs import epoch_of
from shared.bus.kafka import KafkaBus
from shared.bus.opening import open_bus
from shared.db import AsyncSession, Database
from shared.db.migrate import head

_LEAST_FREE = 200 * 1024 * 1024
_RESTORE = "pinzhi restore DIR --force"
_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """`bad` when something must be done; else it is only told. `help` is a command, or what to do."""

    place: str
    code: str
    bad: bool
    zh: str
    en: str
    help: str = ""


def as_text(findings: list[Finding]) -> str:
    lines = []
    for finding in findings:
        mark = "!!" if finding.bad else "ok" if finding.code == "ok" else "--"
        lines.append(f"{mark}\t{finding.place}\t{finding.zh} / {finding.en}")
        if finding.help:
            lines.append(f"\t\t-> {finding.help}")
    return "\n".join(lines)


def as_json(findings: list[Finding]) -> str:
    document = {"ok": not any(finding.bad for finding in findings), "findings": [asdict(each) for each in findings]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def examine(places: Places) -> list[Finding]:
    """All that was found, in the order of the parts; a part without a fault is one finding with the code `ok`."""
    return asyncio.run(_examine(places))


async def _examine(places: Places) -> list[Finding]:
    found = list(_data_dir(places))
    sound = {}
    for name in places.urls:
        here = list(_file(places, name)) or await _schema(places, name)
        sound[name] = not any(finding.bad for finding in here)
        if sound[name]:
            async with _session(places, name) as session:
                here += await _service(name, session)
                here += await _attachments(places, name, session)
        found += here or [_ok(name)]
    found += list(_log_file(places)) or await _log(places) or [_ok("log")]
    found += await _between(places, [name for name in places.urls if sound[name]])
    return found


def _ok(place: str) -> Finding:
    return Finding(place, "ok", False, "正常", "sound")


@asynccontextmanager
async def _session(places: Places, name: str) -> AsyncIterator[AsyncSession]:
    database = Database(places.urls[name], pool_size=2)
    try:
        async with database.read() as session:
            yield session
    finally:
        await database.close()


# Files ----------------------------------------------------------------------------------------------------------------


def _data_dir(places: Places) -> Iterator[Finding]:
    folder = places.data_dir
    if (folder / datadir.SWAPPING).exists():
        yield Finding(
            str(folder),
            "restore.cut",
            True,
            "恢复被中断",
            "a restore was cut off",
            "run the same `pinzhi restore` again",
        )
    if folder.exists():
        free = shutil.disk_usage(folder).free
        if free < _LEAST_FREE:
            en = f"{free // 1024 // 1024} MB are free"
            yield Finding(str(folder), "disk", True, f"磁盘只剩 {free // 1024 // 1024} MB", en, "make room on the disk")
    keys = folder / "keys"
    homes = [each / "keys" for each in (folder, *(folder / name for name in places.urls)) if (each / "keys").is_dir()]
    if not any((home / "issuer.json").exists() for home in homes):
        en = f"{keys / 'issuer.json'} is missing: tokens of the embedded issuer no longer hold"
        yield Finding("keys", "keys.missing", True, "签名密钥不见了", en, "restore it from a backup (keys/), or start")
    for home in homes:
        for path in [home, *files_under(home)]:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                command = f"chmod {'700' if path.is_dir() else '600'} {path}"
                yield Finding(str(path), "keys.open", True, "他人可读", "others may read it", command)


def _file(places: Places, name: str) -> Iterator[Finding]:
    """Of a SQLite database: there, whole, and the service's own."""
    if not places.urls[name].startswith("sqlite"):
        return
    path = places.sqlite_file(name)
    yield from _whole(path, name)


def _whole(path: Path, place: str) -> Iterator[Finding]:
    if not path.exists():
        yield Finding(place, "file.missing", True, f"没有文件 {path}", f"there is no file {path}", _RESTORE)
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            said = [line for (line,) in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    if said != ["ok"]:
        en = f"{path} is damaged: {'; '.join(said)[:300]}"
        yield Finding(place, "file.damaged", True, f"{path} 已损坏", en, _RESTORE)


def _log_file(places: Places) -> Iterator[Finding]:
    if places.log_kind == "sqlite":
        yield from _whole(places.log_file, "log")


# One service ----------------------------------------------------------------------------------------------------------


async def _schema(places: Places, name: str) -> list[Finding]:
    """Whether the database is the service's own and of this version."""
    try:
        async with _session(places, name) as session:
            tables = await _tables(session)
            revision = (
                (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
                if "alembic_version" in tables
                else None
            )
    except (SQLAlchemyError, OSError) as error:
        said = str(error).splitlines()[0][:300]
        return [Finding(name, "database.away", True, "数据库连不上", f"the database cannot be reached: {said}")]
    own = {"gateway": "feed", "indicators": "observation", "credit": "violation", "traceability": "epcis_event"}[name]
    if revision is None or own not in tables:
        en = f"this is no database of {name}: it has no table {own}"
        return [Finding(name, "database.foreign", True, "不是该服务的数据库", en, _RESTORE)]
    if revision < head(name):
        en = f"schema {revision}, this version wants {head(name)}"
        return [Finding(name, "schema.behind", True, "数据库结构较旧", en, f"pinzhi migrate {name}")]
    if revision > head(name):
        en = f"schema {revision} is of a newer version than this one, which knows {head(name)}"
        return [Finding(name, "schema.ahead", True, "数据库结构较新", en, "install the newer version")]
    return []


async def _tables(session: AsyncSession) -> set[str]:
    sqlite = session.get_bind().dialect.name == "sqlite"
    statement = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    return {name for (name,) in await session.execute(text(statement))}


_GAPS = """
SELECT o.key, min(o.sequence), max(o.sequence), count(*), coalesce(max(s.last), 0) FROM outbox o
LEFT JOIN outbox_sequence s ON s.key = o.key WHERE o.published_at IS NULL GROUP BY o.key
HAVING max(o.sequence) <> coalesce(max(s.last), 0) OR max(o.sequence) - min(o.sequence) + 1 <> count(*)
ORDER BY o.key LIMIT 3
"""
"""Of what is not sent yet: what was sent is deleted after a while."""


async def _service(name: str, session: AsyncSession) -> list[Finding]:
    found = []
    for key, first, last, count, taken in (await session.execute(text(_GAPS))).all():
        en = f"outbox of {key}: {count} events numbered {first} to {last}, {taken} were given out"
        found.append(Finding(name, "outbox.gap", True, f"{key} 的事件编号有缺口", en, _RESTORE))
    waiting = await dead_letters.open_count(session, name)
    if waiting:
        en = f"{waiting} events wait for a decision"
        found.append(
            Finding(name, "dead_letters", True, f"{waiting} 个事件待处理", en, f"pinzhi events dead list {name}")
        )
    entries, wrong = await audit.verify(session)
    if wrong:
        en = f"audit log, after {entries} entries: {wrong}"
        found.append(Finding(name, "audit.broken", True, "审计日志被改动", en, "pinzhi audit verify; then " + _RESTORE))
    pending = (await session.execute(text("SELECT count(*) FROM outbox WHERE published_at IS NULL"))).scalar_one()
    if pending:
        found.append(
            Finding(name, "outbox.waiting", False, f"{pending} 个事件待发送", f"{pending} events are not sent yet")
        )
    return found


async def _attachments(places: Places, name: str, session: AsyncSession) -> list[Finding]:
    """Files that rows name, compared with their hashes."""
    if "attachment" not in await _tables(session):
        return []
    homes = [places.data_dir / "attachments", places.data_dir / name / "attachments"]
    missing, changed = [], []
    for (digest,) in await session.execute(text("SELECT DISTINCT sha256 FROM attachment ORDER BY sha256")):
        path = next((path for home in homes if (path := home / digest[:2] / digest[2:4] / digest).is_file()), None)
        if path is None:
            missing.append(digest)
        elif await asyncio.to_thread(digest_of, path) != digest:
            changed.append(str(path))
    found = []
    help_ = "copy it from a backup (attachments/)"
    if missing:
        en = f"{len(missing)} attachments are missing: {_few(missing)}"
        found.append(Finding(name, "attachment.missing", True, f"缺少 {len(missing)} 个附件", en, help_))
    if changed:
        en = f"{len(changed)} attachments are damaged: {_few(changed)}"
        found.append(Finding(name, "attachment.damaged", True, f"{len(changed)} 个附件已损坏", en, help_))
    return found


def _few(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


# Between the parts ----------------------------------------------------------------------------------------------------


async def _log(places: Places) -> list[Finding]:
    """No group has read further than the log goes: then it was cut, or is another's."""
    try:
        ahead, behind = (
            await asyncio.to_thread(_embedded, places) if places.log_kind == "sqlite" else await _kafka(places)
        )
    except (OSError, sqlite3.DatabaseError, TimeoutError) as error:
        return [Finding("log", "log.away", True, "事件日志读不到", f"the log cannot be read: {error}")]
    found = []
    if ahead:
        en = f"groups have read further than the log goes ({_few(ahead)}): it was cut, or is another's"
        found.append(Finding("log", "log.behind", True, "事件日志比读者短", en, _RESTORE))
    if behind:
        found.append(Finding("log", "lag", False, f"{behind} 条记录待处理", f"{behind} records are not applied yet"))
    return found


def _embedded(places: Places) -> tuple[list[str], int]:
    with closing(sqlite3.connect(f"{places.log_file.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as log:
        ends = dict(log.execute("SELECT topic, max(offset) + 1 FROM log GROUP BY topic"))
        rows = log.execute("SELECT consumer, topic, next FROM position").fetchall()
    return _compare((f"{group} {topic}", place, ends.get(topic, 0)) for group, topic, place in rows)


async def _kafka(places: Places) -> tuple[list[str], int]:
    bus = open_bus(places.bus_url)
    assert isinstance(bus, KafkaBus)
    try:
        ends = await kafka_copy.ends(bus, await kafka_copy.topics(bus))
        groups = await kafka_copy.positions(bus)
    finally:
        await bus.close()
    return _compare(
        (f"{group} {topic}/{partition}", offset, ends.get(topic, {}).get(partition, 0))
        for group, offsets in groups.items()
        for topic, partitions in offsets.items()
        for partition, offset in partitions.items()
    )


def _compare(places: Iterator[tuple[str, int, int]]) -> tuple[list[str], int]:
    ahead, behind = [], 0
    for name, place, end in places:
        if place > end:
            ahead.append(f"{name}: {place} > {end}")
        behind += max(0, end - place)
    return ahead, behind


async def _between(places: Places, names: list[str]) -> list[Finding]:
    """Databases of one moment: nobody has applied what was never published, and all are of one epoch."""
    given: dict[str, dict[str, int]] = {}
    epochs: dict[str, int] = {}
    for name in names:
        async with _session(places, name) as session:
            epochs[name] = await epoch_of(session)
            rows = await session.execute(text("SELECT key, last FROM outbox_sequence"))
            given[name] = {key: last for key, last in rows}
    found = []
    if len(set(epochs.values())) > 1:
        en = f"the services are of different epochs of the log: {epochs}"
        found.append(Finding("services", "epochs", True, "各服务的日志代次不一致", en, "run `pinzhi restore` again"))
    for name in names:
        ahead: list[Any] = []
        async with _session(places, name) as session:
            for source, key, sequence in await session.execute(text("SELECT source, key, sequence FROM inbox")):
                if source in given and sequence > given[source].get(key, 0):
                    ahead.append(f"{source} {key}: {sequence} > {given[source].get(key, 0)}")
        if ahead:
            en = f"{name} has applied {len(ahead)} keys further than they were published: {_few(ahead)}"
            found.append(Finding(name, "inbox.ahead", True, "收到的事件比发出的多", en, _RESTORE))
    return found
