"""Engines. PostgreSQL has one; SQLite has two for each file: readers, and one writer that begins IMMEDIATE.

A deferred BEGIN that later upgrades to a write fails at once on SQLite, whatever the busy timeout; IMMEDIATE for
everybody would make an open read block writers.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from shared.db.address import Address, is_postgres
from shared.db.faults import MOVED, Storage, fault_of
from shared.db.placed import Placed
from shared.db.reasons import reason
from shared.db.session import AsyncSession
from shared.db.sqlite_driver import connect as connect_sqlite

_BUSY_MS = 10_000
_CACHE_KIB = 512
"""Of each SQLite connection; the system caches the file too."""
_LAST_STATEMENTS_MS = 2_000
_HOT_CONNECTIONS = 8
_HOT_SECONDS = 5.0
_OUTAGES = ("08", "53", "57")
"""Classes of SQLSTATE: the connection, the resources, an operator. What was asked is not at fault."""
_SESSION = {"application_name": "pinzhi", "jit": "off", "plan_cache_mode": "force_custom_plan"}
"""A plan is made for the size that the tables have now. One that was kept from an empty table (a first load, a restore)
reads all of it for every batch until the statistics follow, a minute later."""
_HOT_SESSION = {"application_name": "pinzhi", "jit": "off", "enable_seqscan": "off"}
"""Hot reads keep their plans, which are always reads of an index, also of a table that was empty."""
_NO_PRIMARY = ("25006", "57P01", "57P02", "57P03")
"""The server has become a standby, or is going: its connections are dropped and made anew, where the primary is now."""


class Database:
    """One database of one service.

    `read()` gives a session for reading; writes go through `UnitOfWork` only. `fetch()` is the driver-level read of
    the hot paths: `$1`-style parameters, rows as tuples.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.is_sqlite = not is_postgres(url)
        self.pool_size = pool_size
        self._hot_sqlite: sqlite3.Connection | None = None
        self._hot_turn = asyncio.Semaphore(_HOT_CONNECTIONS)
        self._hot_idle: list[Any] = []
        self._threads: WeakSet[Thread] = WeakSet()
        self._at_work: Counter[asyncio.Task[Any] | None] = Counter()
        if self.is_sqlite:
            self.url = make_url(url)
            path = Path(self.url.database or "")
            async_url = self.url.set(drivername="sqlite+aiosqlite")
            placed, threads = Placed(path), self._threads
            self.reader = _sqlite_engine(async_url, placed, read_only=True, pool_size=4, threads=threads)
            self.writer = _sqlite_engine(async_url, placed, read_only=False, pool_size=1, threads=threads)
            event.listen(self.writer.sync_engine, "begin", lambda _connection: self._look(placed), insert=True)
            self.path: Path | None = path
        else:
            self.address = address = Address.parse(url)
            host, port = address.hosts[0] if address.hosts else (None, None)
            self.url = URL.create(
                "postgresql", address.user, address.password, host, port, database=address.database or ""
            )
            self.writer = postgres_engine(
                address, lost=self._drop_idle, pool_size=pool_size, max_overflow=0, pool_timeout=10
            )
            self.reader = self.writer
            self.path = None
        self.dialect = "sqlite" if self.is_sqlite else "postgresql"
        self.storage = Storage(self.path)
        for engine in {self.reader.sync_engine, self.writer.sync_engine}:
            event.listen(engine, "handle_error", self._failed)

    def _failed(self, context: ExceptionContext) -> None:
        """Remember what ails the storage, and keep no connection that saw it: one that was opened while the database
        was read-only stays so, and one whose rollback failed is left inside its transaction."""
        fault = fault_of(context.original_exception)
        ending = self.is_sqlite and context.statement is None  # COMMIT or ROLLBACK
        if fault is not None:
            self.storage.failed(fault)
        if fault is not None or ending:
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = not self.is_sqlite

    def _look(self, placed: Placed) -> None:
        try:
            placed.check()
        except sqlite3.Error:
            self.storage.failed(MOVED)
            raise

    def clock_was_set_back(self) -> None:
        """SQLAlchemy gives up connections that are older than the last failure, by the wall clock: it would open each
        one anew at every use until that time has come again."""
        for engine in (self.reader, self.writer):
            engine.sync_engine.pool._invalidate_time = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        with self.at_work():
            async with AsyncSession(self.reader, expire_on_commit=False, autoflush=False) as session:
                yield session

    def write_session(self) -> AsyncSession:
        """A session for the unit of work; nobody else calls this."""
        return AsyncSession(self.writer, expire_on_commit=False, autoflush=False)

    async def fetch(self, sql: str, *args: Any) -> Sequence[tuple[Any, ...]]:
        """Rows of one read statement, at driver level. SQLite answers in the calling thread: a point read takes
        20 microseconds there, a hop to a thread five times that.
        """
        try:
            return self._fetch_file(sql, args) if self.is_sqlite else await self._fetch_server(sql, args)
        except (DBAPIError, OSError):
            raise
        except Exception as error:
            if not _is_of_driver(error):
                raise
            await self._forget_hot(error)
            raise OperationalError(sql, None, error) from error

    def _fetch_file(self, sql: str, args: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        if self._hot_sqlite is None:
            uri = f"{Path(self.path or '').absolute().as_uri()}?mode=ro"
            self._hot_sqlite = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            self._hot_sqlite.execute("PRAGMA query_only=ON")
        return self._hot_sqlite.execute(sql, {str(i): arg for i, arg in enumerate(args, 1)}).fetchall()

    async def _fetch_server(self, sql: str, args: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        async with self._hot_turn:
            connection = await self._hot_connection()
            try:
                rows = await connection.fetch(sql, *args, timeout=_HOT_SECONDS)
            except BaseException as error:
                state = getattr(error, "sqlstate", None) or ""
                lost = fault_of(error) is None and (connection.is_closed() or state[:2] in _OUTAGES)
                if state and not lost:
                    self._hot_idle.append(connection)
                else:
                    connection.terminate()  # nobody knows in what state it is
                if lost and isinstance(error, Exception):
                    raise ConnectionError(reason(self.address, error)) from error
                raise
            self._hot_idle.append(connection)
        return [tuple(row) for row in rows]

    async def _forget_hot(self, error: Exception) -> None:
        """The next hot read opens the database anew when this error speaks of the storage."""
        fault = fault_of(error)
        if fault is None:
            return
        self.storage.failed(fault)
        await self.renew_hot()

    async def renew_hot(self) -> None:
        """Let the connections of hot reads go; those in use go when they are given back."""
        if self._hot_sqlite is not None:
            self._hot_sqlite.close()
            self._hot_sqlite = None
        self._drop_idle()

    async def _hot_connection(self) -> Any:
        """Kept here and not in a pool of asyncpg's: to give one back there costs a task, half of a point read."""
        while self._hot_idle:
            connection = self._hot_idle.pop()
            if not connection.is_closed():
                return connection
        return await self.address.connect(_HOT_SESSION)

    def _drop_idle(self) -> None:
        while self._hot_idle:
            self._hot_idle.pop().terminate()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Marks the present task while it uses a connection: cancelled there, it would break the connection."""
        task = asyncio.current_task()
        self._at_work[task] += 1
        try:
            yield
        finally:
            self._at_work[task] -= 1
            if not self._at_work[task]:
                del self._at_work[task]

    def is_at_work(self, task: asyncio.Task[Any]) -> bool:
        return task in self._at_work

    def reason(self, error: BaseException) -> str:
        """In one line what the database refused, where it was the database; else nothing."""
        from sqlalchemy.exc import DBAPIError

        if self.is_sqlite or not (isinstance(error, DBAPIError) or getattr(error, "sqlstate", None)):
            return ""
        return reason(self.address, error)

    async def close(self) -> None:
        if self._hot_sqlite is not None:
            self._hot_sqlite.close()
            self._hot_sqlite = None
        for _ in range(_HOT_CONNECTIONS):  # until nothing is read any more
            await self._hot_turn.acquire()
        while self._hot_idle:
            await self._hot_idle.pop().close(timeout=_HOT_SECONDS)
        for _ in range(_HOT_CONNECTIONS):
            self._hot_turn.release()
        await self.writer.dispose()
        if self.reader is not self.writer:
            await self.reader.dispose()
        # A statement that was cancelled ends in its own thread, which must still find the event loop.
        for _ in range(_LAST_STATEMENTS_MS):
            if not any(thread.is_alive() for thread in self._threads):
                break
            await asyncio.sleep(0.001)


def _is_of_driver(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) or type(error).__module__.partition(".")[0] == "asyncpg"


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        connection.rollback()


def postgres_engine(address: Address, *, lost: Callable[[], None] | None = None, **options: Any) -> AsyncEngine:
    """An engine whose connections are made by the address, so that all that libpq knows works here too.

    `lost` is called when the server is no primary any more.
    """
    connect: dict[str, Any] = {"async_creator_fn": lambda: address.connect(_SESSION)}
    if address.pooler:
        connect["prepared_statement_cache_size"] = 0
    engine = create_async_engine("postgresql+asyncpg://", connect_args=connect, pool_pre_ping=False, **options)

    @event.listens_for(engine.sync_engine, "handle_error")
    def _handle(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) in _NO_PRIMARY:
            context.is_disconnect = True
            if lost is not None:
                lost()

    return engine


def _sqlite_engine(
    url: Any, placed: Placed, *, read_only: bool, pool_size: int, threads: "WeakSet[Thread]"
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        connect_args={"timeout": _BUSY_MS / 1000, "async_creator_fn": connect_sqlite},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        threads.add(connection.driver_connection._thread)
        placed.check()  # a later one must not find another file, or make one
        connection.isolation_level = None  # the driver must not begin by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "checkin")
    def _checkin(connection: Any, record: ConnectionPoolEntry) -> None:
        # SQLAlchemy rolls nothing back after a COMMIT or ROLLBACK that failed, and SQLite keeps the transaction: every
        # later BEGIN would fail, and every other writer would wait for it.
        if connection is not None and connection.driver_connection.in_transaction:
            record.invalidate()

    @event.listens_for(engine.sync_engine, "invalidate")
    def _invalidate(connection: Any, _record: ConnectionPoolEntry, _error: BaseException | None) -> None:
        # Closing alone does not end the transaction while a statement of it is alive somewhere, in the traceback of the
        # error perhaps. Not waited for: it stands in the queue of the thread before the closing.
        with suppress(RuntimeError, ValueError):  # no event loop any more, or closed already
            driver = connection.driver_connection
            done = asyncio.get_running_loop().create_future()
            driver._tx.put_nowait((done, partial(_roll_back, driver._conn)))

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
