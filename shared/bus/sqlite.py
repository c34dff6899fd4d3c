"""The embedded bus: one SQLite log file, shared by several processes on one machine.

A reader watches the write-ahead file with `stat` (2 microseconds) and asks the database only when it changed, and every
half second to be sure. A group has one active member at a time: the others wait for its lease to run out.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import orjson

from shared import failpoints
from shared.bus.envelope import Record, StoredRecord
from shared.bus.progress import Places
from shared.db.faults import fault_of
from shared.db.placed import Placed
from shared.one_thread import OneThread

T = TypeVar("T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
  topic TEXT NOT NULL, offset INTEGER NOT NULL, key TEXT NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL,
  stored_at REAL, PRIMARY KEY (topic, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
  consumer TEXT NOT NULL, topic TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (consumer, topic)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
  consumer TEXT PRIMARY KEY, member TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
"""
_READ_BATCH = 1000
_NOT_STARTED = "the bus is not started"
_WATCH_SECONDS = 0.01
_SURE_SECONDS = 0.5
_LEASE_SECONDS = 3.0


class SqliteBus:
    """Blocking calls run in a thread: the log is shared with other processes and a writer may have to wait."""

    topics_are_made = False
    authenticates = True  # nobody outside this machine's user reaches it

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._started = False
        self._thread = OneThread("log")
        self._placed = Placed(path)

    async def start(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = OneThread("log")
        self._connection = await self._thread.run(self._open)
        self._started = True

    def _open(self) -> sqlite3.Connection:
        self._placed.check()
        connection = connect(self.path)
        # Several services start at once and one of them makes the tables: a lock that is busy is waited for.
        deadline = time.monotonic() + 10
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(_SCHEMA)
                _add_stored_at(connection)
                self._placed.check()  # now there is one
                return connection
            except sqlite3.DatabaseError as error:
                if fault_of(error) is not None or time.monotonic() > deadline:
                    connection.close()
                    raise
                time.sleep(0.02)

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        if not self._started:
            raise RuntimeError(_NOT_STARTED)
        await self._thread.run(self._append, records)

    def _append(self, records: Sequence[Record]) -> None:
        connection = self._ready()
        self._begin(connection)
        try:
            following: dict[str, int] = {}
            rows = []
            now = time.time()
            for record in records:
                if record.topic not in following:
                    (last,) = connection.execute(
                        "SELECT coalesce(max(offset), -1) FROM log WHERE topic = ?", (record.topic,)
                    ).fetchone()
                    following[record.topic] = last + 1
                place = (record.topic, following[record.topic])
                rows.append((*place, record.key, orjson.dumps(record.headers), record.value, now))
                following[record.topic] += 1
            connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", rows)
            failpoints.hit("log.before_commit")
            connection.execute("COMMIT")
        except BaseException:
            self._undo(connection)
            raise
        failpoints.hit("log.after_commit")

    def _begin(self, connection: sqlite3.Connection) -> None:
        try:
            self._placed.check()
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if fault_of(error) is not None:  # one that was opened while the file was read-only stays so
                self._connection = None
                connection.close()
            raise

    def _undo(self, connection: sqlite3.Connection) -> None:
        """SQLite may have rolled back by itself (a full disk). A connection that cannot is given up with its
        transaction: nothing could begin on it again."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection = None
            connection.close()

    def _ready(self) -> sqlite3.Connection:
        if not self._started:
            raise RuntimeError(_NOT_STARTED)
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    async def subscribe(self, group: str, topics: Sequence[str], *, member: str) -> "SqliteSubscriber":
        return SqliteSubscriber(self.path, group, topics, member)

    async def read_all(self, topics: Sequence[str]) -> AsyncIterator[list[StoredRecord]]:
        for topic in topics:
            start = 0
            while True:
                batch = await self._thread.run(self._select, topic, start)
                if not batch:
                    break
                yield batch
                start = batch[-1].offset + 1

    async def topics(self, prefix: str) -> list[str]:
        return await self._thread.run(lambda: topics(self._ready(), prefix))

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        found = await self._thread.run(lambda: places(self._ready(), group, topics))
        return {topic: end - done for topic, (done, end) in found.items()}

    async def close(self) -> None:
        self._started = False
        await self._thread.end(self._close)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _select(self, topic: str, start: int) -> list[StoredRecord]:
        return select(self._ready(), topic, start, _READ_BATCH)


class SqliteSubscriber:
    def __init__(self, path: Path, group: str, topics: Sequence[str], member: str) -> None:
        self._path = path
        self._wal = f"{path}-wal"
        self._group = group
        # A member has the same name after a restart, so that a killed process need not wait for its own lease.
        self._member = member
        self._topics = list(topics)
        self._connection: sqlite3.Connection | None = None
        self._thread = OneThread("log")
        self._next: dict[str, int] | None = None
        """Where to read on; None while another member has the group."""
        self._renew_at = 0.0
        """By the clock that nobody sets."""
        self._seen: tuple[int, int] | None = None
        self._checked = 0.0

    async def poll(self, *, limit: int = 500, timeout: float = 0.5) -> list[StoredRecord]:
        deadline = time.monotonic() + timeout
        while True:
            stamp = self._stamp()
            now = time.monotonic()
            if stamp != self._seen or now - self._checked >= _SURE_SECONDS:
                found = await self._thread.run(self._read, limit)
                # Less than was asked for means that all that `stamp` stands for was read.
                self._seen = stamp if len(found) < limit else None
                self._checked = now
                if found:
                    return found
            if time.monotonic() >= deadline:
                return []
            await asyncio.sleep(_WATCH_SECONDS)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self._wal)
        except FileNotFoundError:
            return None
        return stat.st_size, stat.st_mtime_ns

    def _read(self, limit: int) -> list[StoredRecord]:
        connection = self._open()
        if not self._hold(connection):
            return []
        assert self._next is not None
        found: list[StoredRecord] = []
        for topic in self._topics:
            batch = select(connection, topic, self._next[topic], limit - len(found))
            if batch:
                self._next[topic] = batch[-1].offset + 1
                found += batch
            if len(found) >= limit:
                break
        # A topic that is full all the time does not keep the others waiting.
        self._topics.append(self._topics.pop(0))
        return found

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        return self._connection

    def _hold(self, connection: sqlite3.Connection) -> bool:
        """Take or renew the group's lease. On taking it, reading starts at the committed positions."""
        if self._next is not None and time.monotonic() < self._renew_at:
            return True
        now = time.time()
        # A lease that ends later than any that is given out now was given out before the clock was set back.
        row = connection.execute(
            "INSERT INTO member VALUES (?, ?, ?) ON CONFLICT (consumer) DO UPDATE SET member = excluded.member, "
            "until = excluded.until WHERE member.member = excluded.member OR member.until < ? OR member.until > ? "
            "RETURNING member",
            (self._group, self._member, now + _LEASE_SECONDS, now, now + 2 * _LEASE_SECONDS),
        ).fetchone()
        if row is None:
            self._next = None
            return False
        self._renew_at = time.monotonic() + _LEASE_SECONDS / 2
        if self._next is None:
            self._next = positions(connection, self._group, self._topics)
        return True

    async def commit(self, records: Sequence[StoredRecord]) -> None:
        last: dict[str, int] = {}
        for record in records:
            last[record.topic] = max(last.get(record.topic, 0), record.offset + 1)

        def write() -> None:
            self._open().executemany(
                "INSERT INTO position VALUES (?, ?, ?) ON CONFLICT (consumer, topic) "
                "DO UPDATE SET next = max(next, excluded.next)",
                [(self._group, topic, place) for topic, place in last.items()],
            )

        await self._thread.run(write)

    async def change(self, topics: Sequence[str]) -> None:
        def begin() -> None:
            self._topics, self._next, self._seen = list(topics), None, None

        await self._thread.run(begin)

    async def places(self) -> Places:
        found = await self._thread.run(lambda: places(self._open(), self._group, self._topics))
        return {(topic, 0): place for topic, place in found.items()}

    async def close(self) -> None:
        await self._thread.end(self._release)

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.execute("DELETE FROM member WHERE consumer = ? AND member = ?", (self._group, self._member))
            finally:
                connection.close()


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _add_stored_at(connection: sqlite3.Connection) -> None:
    """A log that an earlier version made does not say when its records were stored."""
    if "stored_at" not in {row[1] for row in connection.execute("PRAGMA table_info(log)")}:
        try:
            connection.execute("ALTER TABLE log ADD COLUMN stored_at REAL")
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):  # else another service was quicker
                raise


def topics(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """Names that begin so; one look at the index for each topic, however long the log is."""
    found: list[str] = []
    last = prefix
    while row := connection.execute("SELECT topic FROM log WHERE topic > ? ORDER BY topic LIMIT 1", (last,)).fetchone():
        (last,) = row
        if not last.startswith(prefix):
            break
        found.append(last)
    return found


def positions(connection: sqlite3.Connection, group: str, topics: Sequence[str]) -> dict[str, int]:
    rows = dict(connection.execute("SELECT topic, next FROM position WHERE consumer = ?", (group,)))
    return {topic: rows.get(topic, 0) for topic in topics}


def places(connection: sqlite3.Connection, group: str, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
    """First offset that is not committed, and the one after the newest record."""
    ends = dict(connection.execute("SELECT topic, max(offset) + 1 FROM log GROUP BY topic"))
    return {topic: (done, ends.get(topic, 0)) for topic, done in positions(connection, group, topics).items()}


def select(connection: sqlite3.Connection, topic: str, start: int, limit: int) -> list[StoredRecord]:
    rows = connection.execute(
        "SELECT offset, key, headers, value, stored_at FROM log WHERE topic = ? AND offset >= ? "
        "ORDER BY offset LIMIT ?",
        (topic, start, limit),
    ).fetchall()
    return [
        StoredRecord(
            topic,
            key,
            value,
            orjson.loads(headers),
            0,
            offset,
            None if stored_at is None else datetime.fromtimestamp(stored_at, UTC),
        )
        for offset, key, headers, value, stored_at in rows
    ]
