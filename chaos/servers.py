"""PostgreSQL and Kafka that a run may stop, kill and start again: its own, on loopback, with `fsync`."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from deploy.local import kafka, postgres
from deploy.local.postgres import Postgres
from deploy.local.process import free_port

_AGAIN_SECONDS = 30.0


class PostgresServer:
    """Keeps its data and its port from one start to the next."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self._running: AbstractContextManager[Postgres] | None = None
        self.address = Postgres(f"{postgres.USER}@127.0.0.1:{self._port}")

    def start(self) -> None:
        """Returns when it answers. After a kill its processes need a moment to let go of the shared memory."""
        deadline = time.monotonic() + _AGAIN_SECONDS
        while True:
            running = postgres.running(self._home, port=self._port, fsync=True)
            try:
                running.__enter__()
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                continue
            self._running = running
            return

    def stop(self) -> None:
        """As an administrator stops it: connections are cut, transactions under way are rolled back."""
        running, self._running = self._running, None
        if running is not None:
            running.__exit__(None, None, None)

    def kill(self) -> None:
        """SIGKILL, as a machine that fails; the next start recovers from the log."""
        pid = int((self._home / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        self.stop()


@contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """Raises `MissingPart`."""
    postgres.binaries()
    home = Path(tempfile.mkdtemp(prefix="pinzhi-faults-pg-"))
    server = PostgresServer(home)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def own_kafka() -> Iterator[kafka.Kafka]:
    """Raises `MissingPart`."""
    with kafka.running() as server:
        yield server
