"""A database file that is moved, deleted or replaced under a running service: nothing is acknowledged that would be
gone with the process, and all goes on when the file is put back."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from shared.bus.envelope import Record
from shared.bus.sqlite import SqliteBus
from shared.db.faults import MOVED, fault_of
from tests.faults.test_tasks import SERVICES, fill, service_of
from tests.support.app import staff
from tests.support.databases import Backend

SMALL = Record("t", "k", b"x", {})


@pytest.mark.parametrize("how", ["moved", "replaced"])
@pytest.mark.parametrize("name", SERVICES)
async def test_nothing_is_written_until_it_is_back(name: str, how: str, sqlite_backend: Backend) -> None:
    async with service_of(name, sqlite_backend) as harness:
        harness.may_fail = True
        await fill(harness)
        path = Path(harness.platform.db.url.database or "")
        aside = path.with_suffix(".aside")
        path.rename(aside)
        if how == "replaced":
            shutil.copyfile(aside, path)
        with pytest.raises(sqlite3.OperationalError) as caught:
            await fill(harness)
        assert fault_of(caught.value) is MOVED
        answer = await harness.get("/readyz", as_=staff("administrator"))
        assert answer.status_code == 503
        assert "moved, deleted or replaced, nothing can be written; put it back" in answer.json()["reasons"]["storage"]
        assert (await harness.get(f"/v1/{name}/events/lag", as_=staff("administrator"))).status_code == 503
        assert (await harness.get("/healthz")).status_code == 200
        assert path.exists() == (how == "replaced"), "nobody makes a new file there"
        aside.rename(path)
        await fill(harness)
        assert harness.rows("SELECT count(*) FROM idempotency WHERE principal = 'x'") == [(2,)]


async def test_the_embedded_log_takes_no_event_until_it_is_back(tmp_path: Path) -> None:
    path, aside = tmp_path / "bus.db", tmp_path / "aside.db"
    bus = SqliteBus(path)
    await bus.start()
    await bus.publish([SMALL])
    path.rename(aside)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError) as caught:
            await bus.publish([SMALL])
        assert fault_of(caught.value) is MOVED
    assert not path.exists(), "nobody makes a new file there"
    aside.rename(path)
    await bus.publish([SMALL])
    assert await bus.lag("nobody", ["t"]) == {"t": 2}
    await bus.close()
