"""Who is asking, as the gateway's own process sees it: the peer, unless the peer is a proxy that was named."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.local.pinzhi import command, environment
from deploy.local.process import free_port
from tests.e2e.running import until
from tests.e2e.test_command_line import pinzhi, refused

QUOTA = 10_000


@contextmanager
def gateway(data_dir: Path, **settings: str) -> Iterator[httpx.Client]:
    """One gateway process."""
    port = free_port()
    variables = {"PINZHI_DATA_DIR": str(data_dir), "PINZHI_REQUESTS_PER_SECOND": str(QUOTA)} | settings
    with (data_dir / "gateway.log").open("ab") as out:
        process = subprocess.Popen(
            command("serve", "--prepare", "gateway", "--port", str(port)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment() | variables,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

            def alive() -> bool:
                try:
                    return client.get("/healthz").status_code == 200
                except httpx.HTTPError:
                    return False

            until(alive, "the start of the gateway")
            yield client
    finally:
        process.terminate()
        process.wait(30)


def left(client: httpx.Client, forwarded: str) -> int:
    """What is left of the quota of the address for which this request was counted."""
    told = client.get("/healthz", headers={"X-Forwarded-For": forwarded}).headers["ratelimit"]
    return int(told.split("r=")[1].split(";")[0])


def is_one_address(client: httpx.Client, forwarded: str) -> bool:
    """Whether two requests that name these addresses (`{}`: another one each time) are ever counted together. They
    are not when a second passes between them, so it is tried again."""
    return any(left(client, forwarded.format(n)) < QUOTA - 1 for n in range(1, 200))


def test_forwarded_addresses_are_believed_from_a_named_proxy_only(tmp_path: Path) -> None:
    with gateway(tmp_path) as client:
        assert is_one_address(client, "10.0.0.{}"), "whatever a stranger writes"
    with gateway(tmp_path, PINZHI_TRUSTED_PROXIES="10.9.0.0/16, 127.0.0.1") as client:
        assert not is_one_address(client, "10.0.0.{}")
        assert is_one_address(client, "10.0.1.1")
        # What stands in front of the last address that no named proxy wrote is the client's own invention.
        assert is_one_address(client, "{}.1.1.1, 10.0.2.7, 10.9.3.3")
        assert not is_one_address(client, "1.1.1.1, 10.0.3.{}, 10.9.3.3")


def test_a_proxy_is_named_by_its_address(tmp_path: Path) -> None:
    where = {"PINZHI_DATA_DIR": str(tmp_path), "PINZHI_TRUSTED_PROXIES": "proxy.local"}
    line = refused(pinzhi("serve", "gateway", "--port", str(free_port()), **where))
    assert "PINZHI_TRUSTED_PROXIES='proxy.local'" in line
