"""The primary is lost, or becomes a standby: the services go on at the other host of their address by themselves."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.local import postgres
from deploy.local.standby import Standby, following
from services.credit.app import create_app
from services.credit.settings import Settings
from shared.db.migrate import upgrade
from tests.credit.samples import UNIT, violation
from tests.support.app import Harness, running
from tests.support.databases import Backend
from tests.support.reference import missing

pytestmark = pytest.mark.postgres
WITHIN_SECONDS = 30.0
"""A ceiling for a busy machine; a quiet one needs two or three."""


@dataclass
class Pair:
    primary: postgres.Postgres
    home: Path
    standby: Standby

    def url(self, database: str) -> str:
        hosts = ",".join(each.address.rpartition("@")[2] for each in (self.primary, self.standby))
        return f"postgresql://{postgres.USER}@{hosts}/{database}?target_session_attrs=read-write&connect_timeout=3"

    def kill(self) -> None:
        """SIGKILL to the primary's first process; the others end when they see it."""
        os.kill(int((self.home / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """What is acknowledged is on both: the standby is a synchronous one, as in a city that loses nothing."""
    try:
        postgres.binaries()
    except postgres.MissingPart as error:
        missing(str(error))
    with ExitStack() as stack:
        home = Path("/tmp") / f"pinzhi-pair-{os.getpid()}-{tmp_path.name}"
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        primary = stack.enter_context(postgres.running(home, fsync=True))
        asyncio.run(primary.create("credit"))
        upgrade("credit", primary.url("credit"))
        standby = stack.enter_context(following(primary))
        asyncio.run(_synchronous(primary))
        yield Pair(primary, home, standby)


async def _synchronous(primary: postgres.Postgres) -> None:
    connection = await asyncpg.connect(primary.url())
    try:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        await connection.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(30):
            while await connection.fetchval("SELECT sync_state FROM pg_stat_replication") != "sync":
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def _turn(pair: Pair) -> None:
    """A switch by hand: the primary refuses writes but keeps its sessions; the standby is promoted when it has all."""
    connection = await asyncpg.connect(pair.primary.url())
    behind = (
        "SELECT count(*) FROM pg_stat_activity, pg_stat_replication r "
        "WHERE backend_xid IS NOT NULL OR r.replay_lsn IS DISTINCT FROM pg_current_wal_lsn()"
    )
    try:
        await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(30):
            while await connection.fetchval("SHOW default_transaction_read_only") != "on":
                await asyncio.sleep(0.05)
            quiet = 0
            while quiet < 5:
                quiet = 0 if await connection.fetchval(behind) else quiet + 1
                await asyncio.sleep(0.1)
    finally:
        await connection.close()
    await asyncio.to_thread(pair.standby.promote)


async def _kill(pair: Pair) -> None:
    pair.kill()
    await asyncio.to_thread(pair.standby.promote)


class Pusher:
    """Records violations one after the other and keeps those that were acknowledged."""

    def __init__(self, credit: Harness) -> None:
        self._credit = credit
        self.acknowledged: set[str] = set()
        self.refused: set[int] = set()
        self._number = 0

    async def push(self) -> bool:
        self._number += 1
        body = violation(self._number)
        answer = await self._credit.post("/v1/credit/violations", json=body, as_=UNIT)
        if answer.status_code == 201:
            self.acknowledged.add(body["document_number"])
            return True
        self.refused.add(answer.status_code)
        return False


@pytest.mark.parametrize("change", [_kill, _turn], ids=["killed", "turned read-only"])
async def test_acknowledged_writes_survive_and_service_goes_on(
    pair: Pair, sqlite_backend: Backend, change: Any
) -> None:
    async with running(create_app, Settings, sqlite_backend, url=pair.url("credit"), sweep_seconds=3600) as credit:
        pusher = Pusher(credit)
        while len(pusher.acknowledged) < 20:
            assert await pusher.push()
        assert await credit.platform.db.fetch("SELECT count(*) FROM violation") == [(20,)]

        pushing = True

        async def go_on() -> None:
            while pushing:
                await pusher.push()
                await asyncio.sleep(0.02)

        task = asyncio.create_task(go_on())
        await asyncio.sleep(0.2)
        changed = asyncio.create_task(change(pair))
        try:
            await changed
            before, deadline = len(pusher.acknowledged), time.monotonic() + WITHIN_SECONDS
            while len(pusher.acknowledged) < before + 20:
                assert time.monotonic() < deadline, f"no writes again; refused with {pusher.refused}"
                await asyncio.sleep(0.05)
            while (ready := await credit.get("/readyz")).status_code != 200:
                assert time.monotonic() < deadline, ready.text
                await asyncio.sleep(0.1)
        finally:
            pushing = False
            await task
        assert pusher.refused <= {503}
        other = await asyncpg.connect(pair.standby.url("credit"))
        try:
            stored = {body for (body,) in await other.fetch("SELECT body::json ->> 'document_number' FROM violation")}
        finally:
            await other.close()
        assert pusher.acknowledged <= stored
        # Reads of the hot path are those of the new primary too.
        where = await credit.platform.db.fetch("SELECT inet_server_port()")
        assert where == [(int(pair.standby.address.rpartition(":")[2]),)]
