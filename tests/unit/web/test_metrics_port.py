"""`/metrics` on a port that clients do not reach."""

from pathlib import Path

import httpx

from deploy.local.process import free_port
from services.credit.app import create_app
from services.credit.settings import Settings
from tests.support.app import running, staff
from tests.support.databases import Backend


async def test_metrics_have_a_port_of_their_own(sqlite_backend: Backend, tmp_path: Path) -> None:
    port = free_port()
    async with running(create_app, Settings, sqlite_backend, metrics_port=port) as credit:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as watcher:
            told = await watcher.get("/metrics")
            assert (told.status_code, told.headers["content-type"].split(";")[0]) == (200, "text/plain")
            assert 'pinzhi_outbox_pending{service="credit"}' in told.text
            assert (await watcher.get("/v1/credit/lists/black")).status_code == 404
            assert (await watcher.post("/metrics", content=b"x")).status_code == 405
        assert (await credit.get("/metrics")).status_code == 401
    async with httpx.AsyncClient() as watcher:  # the port ends with the service
        try:
            await watcher.get(f"http://127.0.0.1:{port}/metrics")
        except httpx.ConnectError:
            return
    raise AssertionError("somebody still answers on the port")


async def test_a_port_that_is_taken_is_named(sqlite_backend: Backend) -> None:
    port = free_port()
    async with (
        running(create_app, Settings, sqlite_backend, metrics_port=port),
        running(create_app, Settings, sqlite_backend, metrics_port=port) as second,
    ):
        second.may_fail = True
        await second.until(lambda: "metrics" in second.platform.failing, "the refusal of the port")
        told = await second.get("/readyz", as_=staff("administrator"))
        assert told.status_code == 503
        assert str(port) in told.json()["reasons"]["metrics"]
