"""A running indicators service, on both kinds of database."""

from collections.abc import AsyncIterator

import pytest

from services.indicators.app import create_app
from services.indicators.settings import Settings
from tests.support.app import Harness, running
from tests.support.databases import Backend


@pytest.fixture
async def indicators(backend: Backend) -> AsyncIterator[Harness]:
    async with running(create_app, Settings, backend) as harness:
        yield harness


@pytest.fixture
async def indicators_sqlite(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    """For what says nothing new on PostgreSQL."""
    async with running(create_app, Settings, sqlite_backend) as harness:
        yield harness
