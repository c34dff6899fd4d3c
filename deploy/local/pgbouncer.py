"""A private PgBouncer in transaction mode before a private PostgreSQL: own folder, own port, ended by its own pid."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local.postgres import USER, Postgres, give_to, server_user
from deploy.local.process import MissingPart, free_port, stop, tail, tied

START_SECONDS = 20.0
HOW_TO_INSTALL = "PgBouncer is not installed; it is needed for the tests behind a pooler: apt-get install -y pgbouncer"


def program() -> str:
    """Raises MissingPart."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingPart(HOW_TO_INSTALL)
    return found


@contextmanager
def running(
    server: Postgres, *, pool_size: int = 4, options: Iterable[str] = (), prefix: Iterable[str] = ()
) -> Iterator[Postgres]:
    """The same databases behind the pooler. `options` are further `name = value` lines of its configuration.

    Raises `MissingPart`, or `RuntimeError` with the end of the log.
    """
    user, port = server_user(), free_port()
    home = Path(tempfile.mkdtemp(prefix="pinzhi-pgbouncer-"))
    log = home / "pgbouncer.log"
    where, _, server_port = server.address.rpartition("@")[2].partition(":")
    (home / "users.txt").write_text(f'"{USER}" ""\n')
    lines = [
        "[databases]",
        f"* = host={where} port={server_port}",
        "[pgbouncer]",
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =",
        f"auth_type = trust\nauth_file = {home / 'users.txt'}",
        f"pool_mode = transaction\ndefault_pool_size = {pool_size}\nmax_client_conn = 500",
        *options,
    ]
    (home / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    give_to(user, home)
    command = tied([*prefix, program(), str(home / "pgbouncer.ini")], user=user, orphaned="INT")
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(process, port, log)
            yield Postgres(f"{USER}@127.0.0.1:{port}")
        finally:
            stop(process, with_signal=signal.SIGINT)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        # Its log names the port that it took, so that the answer is its own.
        if f"127.0.0.1:{port}" in tail(log, 50):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        time.sleep(0.05)
    raise RuntimeError(f"PgBouncer did not start:\n{tail(log)}")
