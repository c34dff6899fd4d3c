"""Whether a SQLite file, or the folder of the attachments, is still the one that was there first.

SQLite goes on writing into a file that was deleted, moved or replaced under it, and all that is acknowledged from then
on is gone with the process. So writers look before each transaction; it takes two microseconds.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from shared.db.faults import SQLITE_MOVED


class Placed:
    """The first file or folder that is seen at the path is the one that must stay there. A file is looked for before a
    connection does its first work, too: SQLite would make a new one there. `moved` makes the error of another one."""

    def __init__(self, path: Path, moved: Callable[[Path], Exception] | None = None) -> None:
        self._path = path
        self._moved = moved or _file_moved
        self._first: tuple[int, int] | None = None

    @property
    def is_known(self) -> bool:
        """Whether there was one yet."""
        return self._first is not None

    def check(self) -> None:
        """Raises what `moved` makes; for a file `sqlite3.OperationalError`, as SQLite itself does."""
        try:
            found = os.stat(self._path)
            now = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            now = None
        if self._first is None:
            self._first = now
        elif self._first != now:
            raise self._moved(self._path)


def _file_moved(path: Path) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"{path} was moved, deleted or replaced")
    error.sqlite_errorcode, error.sqlite_errorname = SQLITE_MOVED, "SQLITE_READONLY_DBMOVED"
    return error
