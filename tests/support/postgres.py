"""One private PostgreSQL for the whole test session, or the one that PINZHI_TEST_POSTGRES names."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from deploy.local import postgres
from deploy.local.process import MissingPart
from tests.support.reference import missing


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """Started with the first test that asks for it, ended by its own pid."""
    named = os.environ.get("PINZHI_TEST_POSTGRES")
    if named:
        yield postgres.Postgres(urlsplit(named).netloc)
        return
    try:
        postgres.binaries()
    except MissingPart as error:
        missing(str(error))
    with postgres.running() as server:
        yield server
