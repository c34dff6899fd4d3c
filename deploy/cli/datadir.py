"""The data directory and the ports, checked before anything is started."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from deploy import topology
from deploy.cli.errors import CliError

RESTORING = ".restoring"
"""Folder in which `pinzhi restore` makes what it puts in place at the end."""
SWAPPING = ".restoring-swap"
"""There while it puts things in place: what there is then is half of one set and half of another."""

_OURS = ("run", "log", "keys", "attachments")
_OPEN_TO_OTHERS = 0o077


@contextmanager
def owners_alone() -> Iterator[None]:
    """What is made meanwhile is its owner's alone. The mask is the process's: it is put back."""
    before = os.umask(_OPEN_TO_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def close_to_others(data_dir: Path) -> None:
    """Take other users' rights from what earlier releases wrote; what is made now has none (`main.py` sets the umask).

    The directory itself may be somebody's own and stays as it is; whose file it is not, keeps its rights.
    """
    folders = [data_dir / name for name in _OURS if (data_dir / name).is_dir()]
    files = [*data_dir.glob("*.db"), *data_dir.glob("*.db-*"), *(data_dir / "keys").glob("*")]
    for path in (*folders, *files):
        try:
            mode = path.stat().st_mode
            if mode & _OPEN_TO_OTHERS:
                path.chmod(mode & 0o7777 & ~_OPEN_TO_OTHERS)
        except OSError:
            continue  # it went away meanwhile, or is another user's


def claim(data_dir: Path, *, restoring: bool = False) -> IO[str]:
    """Make the directory and lock it. The lock lasts as long as the returned file is open."""
    if (data_dir / SWAPPING).exists() and not restoring:
        raise CliError(
            f"{data_dir} 的恢复被中断 / a restore of {data_dir} was cut off: run the same `pinzhi restore` again"
        )
    try:
        for name in ("run", "log", "keys"):
            (data_dir / name).mkdir(parents=True, exist_ok=True)
        lock = open(data_dir / "run" / "pinzhi.lock", "a+", encoding="utf-8")  # noqa: SIM115 - held until the end
        probe = data_dir / "run" / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise CliError(
            f"data directory {data_dir} is not writable: {error.strerror}; choose another --data-dir"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise CliError(
            f"data directory {data_dir} is in use by process {holder}; stop that one or choose another --data-dir"
        ) from error
    close_to_others(data_dir)
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def check_ports(base: int) -> None:
    last = base + max(service.port_offset for service in topology.SERVICES)
    if not 1 <= base <= last <= 65535:
        raise CliError(f"port {base}: the four ports from it must lie between 1 and 65535")
    for service in topology.SERVICES:
        port = base + service.port_offset
        with socket.socket() as probe:
            # As the servers do: a port whose last connections are still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
            except OSError as error:
                raise CliError(
                    f"port {port} (for {service.name}) cannot be used: {error.strerror}; choose another --port"
                ) from error
