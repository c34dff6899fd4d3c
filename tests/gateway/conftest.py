"""The gateway as it runs, with upstreams that are down unless a test starts them."""

import socket
from collections.abc import AsyncIterator

import pytest

from services.gateway.app import create_app
from services.gateway.settings import Settings
from tests.support.app import Harness, running
from tests.support.databases import Backend


def closed_port() -> str:
    """Address of a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def down() -> dict[str, str]:
    return {f"{name}_url": closed_port() for name in ("indicators", "credit", "traceability")}


@pytest.fixture
async def gateway(backend: Backend) -> AsyncIterator[Harness]:
    async with running(create_app, Settings, backend, **down()) as harness:
        yield harness


@pytest.fixture
async def gateway_sqlite(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    async with running(create_app, Settings, sqlite_backend, **down()) as harness:
        yield harness
