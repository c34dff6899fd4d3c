"""What ails the storage, in words for an operator and for a client: full, read-only, damaged.

`fault_of` reads it off an error of SQLite, PostgreSQL or the file system; `Storage` remembers it until writes succeed
again, for `/readyz`.
"""

import errno
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from shared.clock import Clock, SystemClock, utc_text
from shared.errors import Unavailable


@dataclass(frozen=True)
class Fault:
    """`zh`, `en`: what is wrong, for whoever can mend it. `advice_*`: what a client is told beside it."""

    code: str
    zh: str
    en: str
    advice_zh: str
    advice_en: str
    retry_after: int = 5

    def problem(self) -> Unavailable:
        error = Unavailable(
            self.code,
            zh=f"{self.zh}；{self.advice_zh}",
            en=f"{self.en[0].upper()}{self.en[1:]}; {self.advice_en}",
            retry_after=self.retry_after,
        )
        # The service lives and has said why: the gateway must not leave it alone for this, reads go on.
        error.headers["X-Problem-Code"] = self.code
        return error

    def words(self, since: datetime, subject: str = "") -> str:
        at, of = utc_text(since), f" ({subject})" if subject else ""
        return f"{self.zh}{of}（自 {at} 起） / {self.en}{of} (since {at})"


_READS_GO_ON = ("读取不受影响，这次写入没有生效，请稍后再试", "reads go on, this write did not take effect; try later")
FULL = Fault("storage.full", "磁盘已满，不能写入", "disk full, nothing can be written", *_READS_GO_ON)
READ_ONLY = Fault(
    "storage.read_only", "数据库只读，不能写入", "database read-only, nothing can be written", *_READS_GO_ON
)
DAMAGED = Fault(
    "storage.damaged",
    "数据库文件损坏；请停止服务，用 pinzhi doctor 检查，用 pinzhi restore 恢复备份",
    "database file damaged; stop the service, see `pinzhi doctor`, bring a backup back with `pinzhi restore`",
    "请联系平台运维",
    "the operators of the platform have to mend it",
    retry_after=60,
)
IO = Fault("storage.io", "磁盘读写出错", "the disk cannot be read or written", "请稍后再试", "try again later")
CLOSED = Fault(
    "storage.unreachable", "数据库文件打不开", "the database file cannot be opened", "请稍后再试", "try again later"
)
MOVED = Fault(
    "storage.moved",
    "数据库文件被移走、删除或替换，不能写入；请放回原来的文件，或者停止服务，用 pinzhi restore 恢复备份",
    "the database file was moved, deleted or replaced, nothing can be written; put it back, or stop the service and "
    "bring a backup back with `pinzhi restore`",
    "这次写入没有生效，请联系平台运维",
    "this write did not take effect; the operators of the platform have to mend it",
    retry_after=60,
)

FILES_MOVED = Fault(
    "storage.files_moved",
    "存放附件的文件夹被移走、替换或没有挂载；请放回原来的文件夹，或者停止服务，用 pinzhi restore 恢复备份",
    "the folder of the attachments was moved, replaced or is not mounted; put it back, or stop the service and bring a "
    "backup back with `pinzhi restore`",
    "请联系平台运维",
    "the operators of the platform have to mend it",
    retry_after=60,
)


class StorageFault(OSError):
    """Raised where a look of our own finds what ails the storage."""

    def __init__(self, fault: Fault, place: object) -> None:
        super().__init__(f"{place}: {fault.en}")
        self.fault = fault


_SQLITE = {8: READ_ONLY, 10: IO, 11: DAMAGED, 13: FULL, 14: CLOSED, 26: DAMAGED}
"""By primary result code: READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB."""
SQLITE_MOVED = 1032
_SQLITE_EXACT = {4874: FULL, SQLITE_MOVED: MOVED}
"""By extended result code, before the primary one: IOERR_SHMSIZE (the index of the log could not grow), which
only a full disk does; READONLY_DBMOVED."""
_POSTGRES = {
    "53100": FULL,
    "25006": READ_ONLY,
    "58030": IO,
    "58P01": DAMAGED,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
_SYSTEM = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY, errno.EIO: IO}
_STEADY_SECONDS = 2.0
"""A disk that is nearly full takes a small write between two that it refuses."""


def fault_of(error: BaseException) -> Fault | None:
    """What ails the storage by this error; None for every other error, also for a database that is away or busy."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, StorageFault):
        return cause.fault
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _POSTGRES.get(state)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_EXACT.get(code) or _SQLITE.get(code & 0xFF)
    return _SYSTEM.get(cause.errno or 0) if isinstance(cause, OSError) else None


def words_of(error: BaseException) -> str:
    """One line for an operator: no statement, no values of a row."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    try:
        return f"{type(cause).__name__}: {cause}"[:300]
    except Exception:  # an error that cannot tell itself
        return type(cause).__name__


class Storage:
    """Whether one database takes writes, by the last ones. A damage stays until the process ends: it does not heal."""

    def __init__(self, path: Path | None, clock: Clock | None = None) -> None:
        self._name = path.name if path is not None else ""
        self._clock = clock or SystemClock()
        self._fault: Fault | None = None
        self._since = self._clock.now()
        self._last = 0.0

    def failed(self, fault: Fault) -> None:
        self._last = time.monotonic()
        if self._fault is not fault and self._fault is not DAMAGED:
            self._fault, self._since = fault, self._clock.now()

    def wrote(self) -> None:
        """A transaction that wrote was committed."""
        if self._fault in (None, DAMAGED) or time.monotonic() - self._last < _STEADY_SECONDS:
            return
        self._fault = None

    @property
    def reason(self) -> str | None:
        """What ails it, since when; None when nothing does."""
        return self._fault.words(self._since, self._name) if self._fault is not None else None
