"""The real gateway on a migrated SQLite database, its projections filled by the events of the browser tests' world."""

from collections.abc import AsyncIterator

import pytest

from services.gateway.app import create_app
from services.gateway.settings import Settings
from tests.browser import world
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend


@pytest.fixture
async def portal(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    """Pages say nothing new on PostgreSQL: they read through the view functions, which are tested on both."""
    async with running(create_app, Settings, sqlite_backend, demo=True, **down()) as harness:
        await harness.deliver(*world.events())
        yield harness


@pytest.fixture
async def bare(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    """Not a demo, and nothing was ever announced."""
    async with running(create_app, Settings, sqlite_backend, **down()) as harness:
        yield harness
