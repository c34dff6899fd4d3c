"""Two processes of a service under one `PINZHI_WORKER_ID`."""

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from services.credit.app import create_app
from services.credit.settings import Settings
from shared.db.tables import lease
from shared.platform import Platform
from shared.web import worker
from tests.support.app import running
from tests.support.databases import Backend


async def holders(platform: Platform) -> dict[str, str]:
    async with platform.read() as session:
        rows = (await session.execute(select(lease.c.name, lease.c.holder))).all()
    return {name: holder for name, holder in rows if name.startswith("worker:")}


async def give(platform: Platform, holder: str, *, seconds: float = 10) -> None:
    async with platform.system_unit_of_work() as uow:
        until = uow.now + timedelta(seconds=seconds)
        await uow.session.execute(update(lease).where(lease.c.name == "worker:0").values(holder=holder, until=until))


async def test_one_that_is_displaced_says_so_until_it_has_its_id_back(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_RENEW_SECONDS", 0.05)
    async with running(create_app, Settings, backend) as credit:
        assert (await credit.get("/readyz")).status_code == 200
        await give(credit.platform, "another-host/7/abc")
        await credit.until(lambda: "worker_id" in credit.platform.failing, "that it is displaced")
        answer = await credit.get("/readyz")
        assert answer.status_code == 503
        reason = answer.json()["reasons"]["worker_id"]
        assert "another-host" in reason
        assert "give each process a PINZHI_WORKER_ID of its own" in reason
        assert "请给每个进程各自的 PINZHI_WORKER_ID" in reason
        await give(credit.platform, "another-host/7/abc", seconds=-1)
        await credit.until(lambda: not credit.platform.failing, "its id")
        assert (await credit.get("/readyz")).status_code == 200


async def test_a_second_one_does_not_start(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_WAIT_SECONDS", 0.1)
    url = backend.url("credit")
    async with running(create_app, Settings, backend, url=url) as credit:
        await give(credit.platform, "another-host/7/abc")
        with pytest.raises(worker.WorkerTaken, match=r"host another-host, process 7.*PINZHI_WORKER_ID=0"):
            async with running(create_app, Settings, backend, url=url):
                raise AssertionError("it started")
        async with running(create_app, Settings, backend, url=url, worker_id="1"):
            assert set(await holders(credit.platform)) == {"worker:0", "worker:1"}
        assert await holders(credit.platform) == {"worker:0": "another-host/7/abc"}, "the end gives the id back"


@pytest.mark.parametrize("where", ["ended", "ended, forked as this one was", "the container's last run"])
async def test_one_that_was_killed_is_back_at_once(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(worker, "_WAIT_SECONDS", 0.0)
    url = backend.url("credit")
    async with running(create_app, Settings, backend, url=url) as credit:
        mine = (await holders(credit.platform))["worker:0"]
        host, pid, start = mine.split("/")
        if where.startswith("ended"):
            past = subprocess.Popen([sys.executable, "-c", ""])
            past.wait()
            pid = str(past.pid)
        await give(credit.platform, f"{host}/{pid}/{start if 'forked' in where else 'before'}")
        async with running(create_app, Settings, backend, url=url):
            assert (await holders(credit.platform))["worker:0"] == mine


async def test_one_that_lives_on_this_host_is_not_pushed_aside(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_WAIT_SECONDS", 0.0)
    url = backend.url("credit")
    async with running(create_app, Settings, backend, url=url) as credit:
        host = (await holders(credit.platform))["worker:0"].split("/")[0]
        await give(credit.platform, f"{host}/1/other")
        with pytest.raises(worker.WorkerTaken, match="process 1"):
            async with running(create_app, Settings, backend, url=url):
                raise AssertionError("it started")


async def test_a_long_id_has_room(backend: Backend) -> None:
    async with running(create_app, Settings, backend, worker_id="x" * 63) as credit:
        (name,) = await holders(credit.platform)
        assert len(name) <= 60
