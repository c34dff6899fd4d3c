"""The traceability service for tests, on SQLite and PostgreSQL, and a small chain of firms to work with."""

from collections.abc import AsyncIterator

import pytest

from services.traceability.app import create_app
from services.traceability.settings import Settings
from tests.support.app import Harness, running
from tests.support.databases import Backend


@pytest.fixture
async def traceability(backend: Backend) -> AsyncIterator[Harness]:
    async with running(create_app, Settings, backend) as harness:
        yield harness


@pytest.fixture
async def on_sqlite(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    """For tests that say nothing new on PostgreSQL."""
    async with running(create_app, Settings, sqlite_backend) as harness:
        yield harness
