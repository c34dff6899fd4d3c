"""One private PostgreSQL for the whole test session, or the one that PINZHI_TEST_POSTGRES names."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local import postgres
from deploy.local.process import MissingPart
from tests.support.reference import missing


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """Started with the first test that asks for it, ended by its own pid."""
    named = os.environ.get("PINZHI_TEST_POSTGRES")
    if named:
        yield postgres.Postgres(urlsplit(named).netloc)
        return
    try:
        postgres.binaries()
    except MissingPart as error:
        missing(str(error))
    with _folder() as folder, postgres.running(folder) as server:
        yield server


MEMORY = Path("/dev/shm")
ROOM = 3 << 30


@contextmanager
def _folder() -> Iterator[Path | None]:
    """In memory where there is room: each test has a database of its own, and a database is 300 files, whose making
    costs most of such a test on a disk. None for a folder where temporary files go."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="pinzhi-pg-", dir=MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
