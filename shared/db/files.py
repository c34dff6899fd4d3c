"""Whether a SQLite file is the database that it should be, asked before anything is built on it. Imports little."""

import os
import re
import sqlite3
import stat
from contextlib import closing
from functools import cache
from pathlib import Path

from shared.db.migrate import ROOT

_HEADER = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_BUS = "bus"
_BUS_TABLES = frozenset({"log", "position", "member"})
_BUSY, _LOCKED = 5, 6


def problem_of(path: Path, service: str) -> str | None:
    """What is wrong with the file of `service` (or of the embedded log, `bus`), in words; None when nothing is, also
    when there is no file yet. Reads a few pages: damage further inside is found by `pinzhi doctor`."""
    try:
        return _form(path) or _inside(path, service)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _form(path: Path) -> str | None:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        return "is a directory, not a database file"
    if not stat.S_ISREG(found.st_mode):
        return "is no ordinary file"
    if not os.access(path, os.W_OK):
        return "cannot be written (permission, or a read-only file system)"
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        return None  # SQLite's form of a new file
    if not header.startswith(_HEADER):
        return "is no SQLite database, or its head is damaged"
    size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    # The number of pages holds when it was written with the last change of the file.
    if header[24:28] == header[92:96] and found.st_size < pages * (65536 if size == 1 else size):
        return f"is cut off: {found.st_size} of {pages * size} bytes"
    return None


def _inside(path: Path, service: str) -> str | None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if service == _BUS:
                return None if not tables or tables >= _BUS_TABLES else "is a database of something else"
            if not tables:
                return None
            if "alembic_version" not in tables:
                return "is a database of something else"
            owner = max(_tables_of_services(), key=lambda name: len(tables & _tables_of_services()[name]))
            if owner != service:
                return f"is the database of {owner}, not of {service}"
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (_BUSY, _LOCKED):
            return None
        return f"is damaged ({error})"
    if row is not None and not list((ROOT / service / "migrations" / "versions").glob(f"{row[0]}_*.py")):
        return f"has schema {row[0]}, which this version of Pinzhi does not know; a newer one made it"
    return None


@cache
def _tables_of_services() -> dict[str, frozenset[str]]:
    made = re.compile(r"""create_table\(\s*['"](\w+)['"]""")
    return {
        folder.parent.name: frozenset(
            name
            for script in (folder / "versions").glob("0*.py")
            for name in made.findall(script.read_text(encoding="utf-8"))
        )
        for folder in ROOT.glob("*/migrations")
    }
