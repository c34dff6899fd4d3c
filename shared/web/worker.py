"""One running process for each `PINZHI_WORKER_ID` of a service.

Kafka knows a member of a group by that id: of two processes under one id, each throws the other out every second or
two. Nothing is lost by it (the inbox knows what took effect), but nothing flows well either, and the client calls it
"UnknownError". So the id is a lease in the service's database: a process that finds it taken does not start, one that
was displaced later says so in `/readyz`.
"""

import asyncio
import os
import secrets
import socket
from hashlib import sha256
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete, select, update

from shared.db import tables
from shared.db.lease import acquire

if TYPE_CHECKING:
    from shared.platform import Platform

log = structlog.get_logger("worker")
lease = tables.lease
_RENEW_SECONDS = 3.0
_WAIT_SECONDS, _LOOK_SECONDS = 15.0, 0.5
"""How long a start waits for an id: longer than the lease of a process whose machine died."""
_TELL_SECONDS = 60.0
_LONGEST_ID = 50  # of the 60 characters of a lease's name
_START = secrets.token_hex(4)
"""Tells this start of the interpreter from the one before it, which may have had the same host name and pid."""


class WorkerTaken(RuntimeError):
    """Another process of the service runs under this process's id."""


class WorkerPlace:
    """Take it before anything reads from the bus, keep it in the background, leave it at the end."""

    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._id = platform.settings.worker_id
        short = self._id if len(self._id) <= _LONGEST_ID else sha256(self._id.encode()).hexdigest()[:_LONGEST_ID]
        self._name = f"worker:{short}"
        self._host = socket.gethostname()[:40]
        self._holder = f"{self._host}/{os.getpid()}/{_START}"

    async def take(self) -> None:
        """Wait for the id a little: a process that died holds it for ten seconds. Raises WorkerTaken."""
        loop = asyncio.get_running_loop()
        deadline, waiting = loop.time() + _WAIT_SECONDS, False
        while (other := await self._claim()) is not None:
            if loop.time() >= deadline:
                log.error("worker id taken, not starting", worker_id=self._id, other=other, reason=self._words(other))
                raise WorkerTaken(self._words(other))
            if not waiting:
                log.warning("worker id taken, waiting", worker_id=self._id, other=other, seconds=_WAIT_SECONDS)
            waiting = True
            await asyncio.sleep(_LOOK_SECONDS)

    async def keep(self) -> None:
        """Until cancelled. Errors of the database go to the supervisor, which starts this again."""
        failing, loop, told = self._platform.failing, asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            other = await self._claim()
            if other is None:
                failing.pop("worker_id", None)
                continue
            failing["worker_id"] = self._words(other)
            if loop.time() > told:
                log.error("worker id taken by another", worker_id=self._id, other=other, reason=self._words(other))
                told = loop.time() + _TELL_SECONDS

    async def leave(self) -> None:
        """Let the next process have the id at once."""
        async with self._platform.system_unit_of_work() as uow:
            await uow.session.execute(delete(lease).where(lease.c.name == self._name, lease.c.holder == self._holder))

    async def _claim(self) -> str | None:
        """Take or renew the id; who has it when it cannot be had."""
        async with self._platform.system_unit_of_work() as uow:
            if await acquire(uow.session, self._name, self._holder, uow.now):
                # The one write that comes every few seconds, also when nobody else writes.
                uow.after_commit(self._platform.db.storage.wrote)
                return None
            holder: str = (
                await uow.session.execute(select(lease.c.holder).where(lease.c.name == self._name))
            ).scalar_one()
            if not self._is_past(holder):
                return holder
            mine = update(lease).where(lease.c.name == self._name, lease.c.holder == holder)
            await uow.session.execute(mine.values(holder=self._holder))
            return None

    def _is_past(self, holder: str) -> bool:
        """Whether it is a process of this host that has ended: a service that was killed is back at once."""
        host, pid, start = holder.rsplit("/", 2)
        if host != self._host:
            return False
        return start != _START if int(pid) == os.getpid() else not _lives(int(pid))

    def _words(self, other: str) -> str:
        service, (host, pid, _start) = self._platform.name, other.rsplit("/", 2)
        return (
            f"{service} 的另一个进程（主机 {host}，进程 {pid}）也以 PINZHI_WORKER_ID={self._id} 运行；"
            "请给每个进程各自的 PINZHI_WORKER_ID / "
            f"another process of {service} (host {host}, process {pid}) runs under PINZHI_WORKER_ID={self._id} too; "
            "give each process a PINZHI_WORKER_ID of its own"
        )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True
