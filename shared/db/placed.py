"""Whether a SQLite file is still the one that was opened.

SQLite goes on writing into a file that was deleted, moved or replaced under it, and all that is acknowledged from then
on is gone with the process. So writers look before each transaction; it takes two microseconds.
"""

import os
import sqlite3
from pathlib import Path

from shared.db.faults import SQLITE_MOVED


class Placed:
    """The first file that is seen at the path is the one that must stay there. Looked for before a connection does its
    first work, too: SQLite would make a new file there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: tuple[int, int] | None = None

    def check(self) -> None:
        """Raises `sqlite3.OperationalError` as SQLite itself does for a file that was moved."""
        try:
            found = os.stat(self._path)
            now = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            now = None
        if self._first is None:
            self._first = now
        elif self._first != now:
            raise _moved(self._path)


def _moved(path: Path) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"{path} was moved, deleted or replaced")
    error.sqlite_errorcode, error.sqlite_errorname = SQLITE_MOVED, "SQLITE_READONLY_DBMOVED"
    return error
