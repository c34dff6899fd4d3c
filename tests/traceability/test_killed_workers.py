"""The workers of the service killed by SIGKILL in a real process: nothing is lost or doubled, and a job that kills its
process is set aside."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.traceability.app import create_app
from services.traceability.settings import Settings
from shared.events.traceability import LotUpdated
from shared.web.supervisor import Supervisor
from tests.support.app import Harness, running, staff
from tests.support.databases import Backend
from tests.traceability import chain, food, large, one_process
from tests.traceability.food import COOP, RAW_LOT, ok, verdict
from tests.traceability.large import lot

OPERATOR = staff("administrator", user="ops")
WORKERS = ("render_worker", "count_worker", "capture_worker")


@asynccontextmanager
async def without_workers(backend: Backend, url: str | None = None) -> AsyncIterator[Harness]:
    """The service without its workers: what is left is work for the processes that are killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Supervisor, "start", Supervisor.start)  # as it was, at the end
        one_process.without(WORKERS)
        async with running(create_app, Settings, backend, url=url) as service:
            yield service


async def killed(backend: Backend, url: str, points: str, *resting: str) -> None:
    """Run the service until a failpoint kills it; the workers `resting` do not run."""
    command = [sys.executable, "-m", "tests.traceability.one_process", url, str(backend.folder), points, *resting]
    process = subprocess.Popen(command)
    try:
        code = await asyncio.to_thread(process.wait, 90)
    finally:
        process.kill()
        process.wait()
    assert code == -signal.SIGKILL


async def answered(service: Harness, location: str) -> dict[str, Any]:
    """The job when it runs no more."""
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = ok(await service.get(location, as_=chain.of(chain.ORCHARD)))
            if not found["running"]:
                return found
            await asyncio.sleep(0.02)


async def test_workers_of_a_large_recall_are_killed_between_and_inside_slices(backend: Backend) -> None:
    count = 700
    async with running(create_app, Settings, backend) as service:
        url = service.platform.db.url.render_as_string(hide_password=False)
        await large.register(service, count)
        await large.settled(service)
    async with without_workers(backend, url) as service:
        recall = await food.recall(service, RAW_LOT)
        assert large.waiting(service) == (count + 1, count + 1)
    # The other worker rests: it would be through before the kill, and leave its own kills nothing to happen in.
    for worker, resting in (("verdicts", "count_worker"), ("recalls", "render_worker")):
        for when in ("before_commit", "after_commit"):
            await killed(backend, url, f"{worker}.{when}=kill@1", resting)
    async with running(create_app, Settings, backend, url=url) as service:
        await large.settled(service)
        told: dict[str, list[str]] = {}
        for event in service.published(LotUpdated):
            told.setdefault(event.lot_id, []).append(event.verdict)
        assert {tuple(told[lot(number)]) for number in range(1, count + 1)} == {("safe", "recalled")}
        holdings = service.rows("SELECT holder, count(*), count(DISTINCT lot_id) FROM recall_holding GROUP BY holder")
        assert holdings == [(COOP, count + 1, count + 1)]
        case = ok(await service.get(f"/v1/traceability/recalls/{recall['recall_id']}", as_=food.officer))
        assert case["lots_counted"] == count + 1
        assert (await verdict(service, lot(count)))["verdict"] == "recalled"


async def test_a_job_that_kills_its_process_twice_is_set_aside(backend: Backend) -> None:
    async with without_workers(backend) as service:
        url = service.platform.db.url.render_as_string(hide_password=False)
        await chain.register(service)
        body = chain.document(chain.harvest("F1"))
        job = (await service.post("/epcis/capture", json=body, as_=chain.of(chain.ORCHARD))).headers["location"]
    for _ in range(2):
        await killed(backend, url, "capture.before_commit=kill")

    # The third start does not begin it again, serves others, and says so to the owner and to the operator.
    async with running(create_app, Settings, backend, url=url) as service:
        found = await answered(service, job)
        assert (found["running"], found["success"], found["stored"]) == (False, False, 0)
        [problem] = found["errors"]
        assert problem["type"] == "epcisException:ImplementationException"
        [reason] = problem["errors"]
        assert reason["code"] == "epcis.capture_set_aside"
        other = await chain.capture(service, chain.document(chain.harvest("F2")), chain.of(chain.ORCHARD))
        assert other["success"] is True

        path = "/v1/traceability/captures"
        assert (await service.get(f"{path}/set-aside", as_=food.officer)).status_code == 403
        [listed] = ok(await service.get(f"{path}/set-aside", as_=OPERATOR))["items"]
        assert (listed["capture_id"], listed["owner"]) == (job.rpartition("/")[2], chain.of(chain.ORCHARD).id)
        step = f"{path}/{listed['capture_id']}"
        ok(await service.post(f"{step}:retry", as_=OPERATOR))
        found = await answered(service, job)
        assert (found["success"], found["stored"]) == (True, 1)
        food.refused(await service.post(f"{step}:drop", as_=OPERATOR), 409, "capture.not_aside")
        food.refused(await service.post(f"{path}/none:retry", as_=OPERATOR), 404, "capture")


@pytest.mark.parametrize("kills", [1, 2])
async def test_a_dropped_job_keeps_its_reason_and_one_kill_sets_nothing_aside(
    sqlite_backend: Backend, kills: int
) -> None:
    async with without_workers(sqlite_backend) as service:
        url = service.platform.db.url.render_as_string(hide_password=False)
        await chain.register(service)
        body = chain.document(chain.harvest("F1"))
        job = (await service.post("/epcis/capture", json=body, as_=chain.of(chain.ORCHARD))).headers["location"]
    for _ in range(kills):
        await killed(sqlite_backend, url, "capture.before_commit=kill")
    async with running(create_app, Settings, sqlite_backend, url=url) as service:
        found: dict[str, Any] = await answered(service, job)
        assert found["success"] is (kills == 1)
        if kills == 1:
            return
        ok(await service.post(f"/v1/traceability/captures/{job.rpartition('/')[2]}:drop", as_=OPERATOR))
        assert (await answered(service, job)) == found
        assert service.rows("SELECT document FROM capture") == [(None,)]


async def test_clients_take_turns(sqlite_backend: Backend) -> None:
    """Many documents of one client hold no other's behind them."""
    async with without_workers(sqlite_backend) as service:
        await chain.register(service)
        url = service.platform.db.url.render_as_string(hide_password=False)
        for number in range(12):
            body = chain.document(chain.harvest(f"F{number}"))
            await service.post("/epcis/capture", json=body, as_=chain.of(chain.ORCHARD))
            service.clock.advance(seconds=1)
        last = await service.post("/epcis/capture", json=chain.document(chain.harvest("G1")), as_=chain.DEPARTMENT)
        assert last.status_code == 202
    async with running(create_app, Settings, sqlite_backend, url=url) as service:
        await service.until(
            lambda: service.rows("SELECT count(*) FROM capture WHERE state = 'waiting'") == [(0,)], "all jobs"
        )
        order = [owner for (owner,) in service.rows("SELECT c.owner FROM epcis_event e JOIN capture c ON "
                                                    "c.capture_id = e.capture_id ORDER BY e.record_id")]  # fmt: skip
        assert len(order) == 13
        assert len(set(order[:2])) == 2, "the second job is the other client's"
