"""A second process of the gateway beside the first, on the same database and bus, as a city runs it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from deploy import topology
from deploy.local.pinzhi import command, environment
from deploy.local.process import free_port
from tests.e2e.running import Running, until


@contextmanager
def second_gateway(city: Running) -> Iterator[httpx.Client]:
    """A client of a second worker of the gateway. Ended by its own pid."""
    port = free_port()
    settings = {
        "PINZHI_DATA_DIR": str(city.data_dir),
        "PINZHI_DATABASE_URL": f"{city.postgres}/gateway",
        "PINZHI_BUS_URL": f"kafka://{city.kafka}",
        "PINZHI_ISSUER": city.base,
        "PINZHI_PUBLIC_URL": city.base,
        "PINZHI_DEMO": "true",
        "PINZHI_WORKER_ID": "1",
        **{f"PINZHI_{each.name.upper()}_URL": city.url(each.name) for each in topology.SERVICES if not each.public},
    }
    with (city.data_dir / "second-gateway.txt").open("ab") as out:
        process = subprocess.Popen(
            command("serve", "gateway", "--port", str(port)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment() | settings,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            until(lambda: _is(client, process.pid), "the start of the second gateway")
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _is(client: httpx.Client, pid: int) -> bool:
    try:
        return bool(client.get("/healthz").json()["pid"] == pid and client.get("/readyz").status_code == 200)
    except httpx.HTTPError:
        return False
