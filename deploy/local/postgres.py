"""A private PostgreSQL: own directory, own loopback port, own user, ended by its own pid.

    python -m deploy.local.postgres                      # temporary, gone after Ctrl-C
    python -m deploy.local.postgres --data-dir var/pg    # kept

It touches no server that the system runs. `fsync` is off unless asked for: fast, and as safe as a test needs.
"""

import argparse
import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.process import MissingPart, Say, free_port, is_root, stop, tail, tied

USER = "pinzhi"
START_SECONDS = 60.0
HOW_TO_INSTALL = (
    "PostgreSQL (initdb, postgres) is not installed; it is needed for the PostgreSQL half of the tests and for "
    "`make postgres`. Install it with `apt-get install -y postgresql`, or name a running server in "
    "PINZHI_TEST_POSTGRES=postgresql://user:password@host:port/"
)


@dataclass(frozen=True)
class Postgres:
    """A running server that this process started, or one that somebody else named.

    `address` is `user[:password]@host:port`.
    """

    address: str

    def url(self, database: str = "postgres") -> str:
        """As the services' settings, asyncpg and psql take it."""
        return f"postgresql://{self.address}/{database}"

    async def create(self, database: str, *, template: str | None = None) -> None:
        await self._execute(f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else ""))

    async def drop(self, database: str) -> None:
        await self._execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    async def exists(self, database: str) -> bool:
        import asyncpg

        connection = await asyncpg.connect(self.url())
        try:
            return bool(await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database))
        finally:
            await connection.close()

    async def _execute(self, statement: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def binaries() -> Path:
    """The folder with `initdb` and `postgres`, the newest version first.

    Raises `MissingPart`.
    """
    found = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
    )
    if found:
        return found[-1]
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).parent / "postgres").exists():
        return Path(on_path).parent
    raise MissingPart(HOW_TO_INSTALL)


@contextmanager
def running(
    directory: Path | None = None,
    *,
    port: int | None = None,
    fsync: bool = False,
    options: Iterable[str] = (),
    prefix: Iterable[str] = (),
    say: Say = lambda _line: None,
) -> Iterator[Postgres]:
    """Start a server and stop it on leaving.

    `directory` keeps the data between starts; without it a temporary one is used and removed. `options` are
    `name=value` server parameters, `prefix` stands before the command (the benches pin it to a core with it).
    Raises `MissingPart`, or `RuntimeError` with the end of the log when the server does not come up.
    """
    tools = binaries()
    user = server_user()
    home = Path(tempfile.mkdtemp(prefix="pinzhi-pg-")) if directory is None else directory.resolve()
    home.mkdir(parents=True, exist_ok=True)
    data, log = home / "data", home / "postgres.log"
    try:
        give_to(user, home)
        if not (data / "PG_VERSION").exists():
            say("PostgreSQL: creating the cluster ...")
            _initdb(tools, data, user)
        process, used_port = _start(tools, home, data, log, user, port, fsync, options, prefix, say)
        try:
            say(f"PostgreSQL: ready on 127.0.0.1:{used_port} (process {process.pid})")
            yield Postgres(f"{USER}@127.0.0.1:{used_port}")
        finally:
            stop(process, with_signal=signal.SIGINT)
    finally:
        if directory is None:
            shutil.rmtree(home, ignore_errors=True)


def server_user() -> str | None:
    """PostgreSQL refuses to run as root; the packaged user `postgres` takes its place."""
    if not is_root():
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError as error:
        raise MissingPart(f"running as root needs the system user `postgres`. {HOW_TO_INSTALL}") from error
    if shutil.which("setpriv") is None:
        raise MissingPart("running PostgreSQL as root needs `setpriv` (package util-linux)")
    return "postgres"


def give_to(user: str | None, home: Path) -> None:
    if user is None:
        return
    account = pwd.getpwnam(user)
    os.chown(home, account.pw_uid, account.pw_gid)
    seen = subprocess.run(tied(["test", "-w", str(home)], user=user), check=False)
    if seen.returncode != 0:
        raise RuntimeError(
            f"the user `{user}`, who runs PostgreSQL here, cannot enter {home}; choose another --data-dir"
        )


def _initdb(tools: Path, data: Path, user: str | None) -> None:
    command = [str(tools / "initdb"), "-D", str(data), "-A", "trust", "-U", USER, "--no-sync", "-E", "UTF8"]
    done = subprocess.run(
        tied([*command, "--locale=C.UTF-8"], user=user), cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _start(
    tools: Path,
    home: Path,
    data: Path,
    log: Path,
    user: str | None,
    port: int | None,
    fsync: bool,
    options: Iterable[str],
    prefix: Iterable[str],
    say: Say,
) -> tuple[subprocess.Popen[bytes], int]:
    settings = ["listen_addresses=127.0.0.1", "max_connections=200", *options]
    if not fsync:
        settings += ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]
    flags = [part for setting in settings for part in ("-c", setting)]
    for _attempt in range(3):
        number = port or free_port()
        command = [*prefix, str(tools / "postgres"), "-D", str(data), "-p", str(number), "-k", str(home), *flags]
        with log.open("ab") as output:
            process = subprocess.Popen(
                tied(command, user=user, orphaned="INT"),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        say("PostgreSQL: starting ...")
        if _wait_ready(process, data):
            return process, number
        taken = "could not bind" in tail(log) and port is None
        stop(process, with_signal=signal.SIGINT)
        if not taken:
            break
    raise RuntimeError(f"PostgreSQL did not start:\n{tail(log)}")


def _wait_ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """Whether *this* child serves: its own pid file says so (a stranger on the port could not write it)."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            if len(lines) >= 8 and lines[0].strip() == str(process.pid) and lines[7].strip() in ("ready", "standby"):
                return True
        time.sleep(0.05)
    return False


async def _create_missing(server: Postgres, databases: Iterable[str]) -> None:
    for database in databases:
        if not await server.exists(database):
            await server.create(database)


def main() -> None:
    from deploy.topology import SERVICES

    parser = argparse.ArgumentParser(prog="make postgres", description="A private PostgreSQL until Ctrl-C.")
    parser.add_argument("--data-dir", type=Path, help="keep the data here (default: temporary)")
    parser.add_argument("--port", type=int, help="default: a free one")
    parser.add_argument("--no-fsync", action="store_true", help="faster, loses data in a power cut")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGINT may be ignored, as in the background
    try:
        with running(arguments.data_dir, port=arguments.port, fsync=not arguments.no_fsync, say=print) as server:
            asyncio.run(_create_missing(server, [service.database for service in SERVICES]))
            print("\nIts four databases are there; in another shell:\n")
            print(f"  .venv/bin/pinzhi up --postgres postgresql://{server.address}")
            print("\nCtrl-C stops the server.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("PostgreSQL: stopped")
    except (MissingPart, RuntimeError) as error:
        raise SystemExit(f"make postgres: {error}") from None


if __name__ == "__main__":
    main()
