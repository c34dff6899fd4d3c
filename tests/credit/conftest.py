"""A running credit service on a fresh database, on both kinds of database."""

from collections.abc import AsyncIterator

import pytest

from services.credit.app import create_app
from services.credit.settings import Settings
from tests.support.app import Harness, running
from tests.support.databases import Backend


@pytest.fixture
async def credit(backend: Backend) -> AsyncIterator[Harness]:
    """The calendar's work is called by the tests themselves: the background task looks once an hour."""
    async with running(create_app, Settings, backend, sweep_seconds=3600) as harness:
        yield harness


@pytest.fixture
async def credit_sqlite(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    """For what says nothing new on PostgreSQL."""
    async with running(create_app, Settings, sqlite_backend, sweep_seconds=3600) as harness:
        yield harness
