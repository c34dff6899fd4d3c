"""Running services for the fuzzers, on SQLite and PostgreSQL, each once for all tests that want it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.engine import Loop
from tests.fuzz.world import Fuzzed, alone, together
from tests.support.databases import Backend, Databases


@pytest.fixture(scope="session")
def fuzzed(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fuzzed]:
    """Parameter: `credit-sqlite`, `gateway-postgres`, `all-sqlite` (the gateway with all others behind it)."""
    name, _, kind = request.param.partition("-")
    server = request.getfixturevalue("postgres_databases") if kind == "postgres" else None
    backend = Backend(kind, databases, Path(tmp_path_factory.mktemp(request.param)), server)
    with Loop() as own:
        yield together(own, backend) if name == "all" else alone(own, name, backend)
    backend.close()
