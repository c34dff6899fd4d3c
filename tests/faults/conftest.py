"""Servers and services that these tests may kill: their own, ended by their pid."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import servers
from chaos.cluster import Cluster
from chaos.nursery import Nursery
from chaos.servers import PostgresServer
from deploy.local.kafka import Kafka
from deploy.local.process import MissingPart
from tests.support.databases import Backend, Databases
from tests.support.kafka import fresh_address
from tests.support.reference import missing


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery") / "log.txt") as made:
        yield made


@pytest.fixture(scope="session")
def own_postgres() -> Iterator[PostgresServer]:
    try:
        with servers.own_postgres() as server:
            yield server
    except MissingPart as error:
        missing(str(error))


@pytest.fixture(scope="session")
def own_kafka() -> Iterator[Kafka]:
    try:
        with servers.own_kafka() as server:
            yield server
    except MissingPart as error:
        missing(str(error))


LAPTOP = "sqlite on the embedded log"
CITY = "postgres on kafka"


@pytest.fixture(scope="module", params=[LAPTOP, pytest.param(CITY, marks=[pytest.mark.postgres, pytest.mark.kafka])])
def cluster(
    request: pytest.FixtureRequest, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The three services, for all tests of a module; each test leaves them running."""
    yield from _make_cluster(request, nursery, tmp_path_factory.mktemp("cluster"), city=request.param == CITY)


@pytest.fixture(scope="module")
def city(
    request: pytest.FixtureRequest, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """As `cluster`, on PostgreSQL and Kafka, with services that wait for Kafka for two seconds only: an outage of three
    is longer than a send may take.
    """
    yield from _make_cluster(request, nursery, tmp_path_factory.mktemp("city"), city=True, patience=2.0)


def _make_cluster(
    request: pytest.FixtureRequest, nursery: Nursery, folder: Path, *, city: bool, patience: float | None = None
) -> Iterator[Cluster]:
    databases = Databases(folder)
    if city:
        backend = Backend("postgres", databases, folder, request.getfixturevalue("own_postgres").address)
        bus = f"kafka://{fresh_address(request.getfixturevalue('own_kafka').bootstrap)}"
    else:
        backend = Backend("sqlite", databases, folder, None)
        bus = f"sqlite:{folder / 'bus.db'}"
    made = Cluster(nursery, backend, bus, patience=patience)
    try:
        yield made
    finally:
        made.close()
        backend.close()
