"""A service behind a real PgBouncer in transaction mode: few sessions, none of them its own."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from deploy.local import pgbouncer
from deploy.local.postgres import Postgres
from deploy.local.process import MissingPart
from services.credit.app import create_app as create_credit
from services.credit.settings import Settings as CreditSettings
from services.gateway.app import create_app as create_gateway
from services.gateway.settings import Settings as GatewaySettings
from shared.bus.replay import replay
from shared.db import Database
from shared.db.migrate import head
from shared.db.reasons import reason
from shared.events.credit import ViolationRecorded
from tests.credit.samples import UNIT, violation
from tests.gateway import samples
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend
from tests.support.reference import missing

pytestmark = pytest.mark.postgres
SESSIONS = 3


@pytest.fixture(scope="module")
def pooler(postgres_databases: Postgres) -> Iterator[Postgres]:
    try:
        pgbouncer.program()
    except MissingPart as error:
        missing(str(error))
    with pgbouncer.running(postgres_databases, pool_size=SESSIONS) as made:
        yield made


def through(pooler: Postgres, url: str, parameters: str = "") -> str:
    return pooler.url(url.rpartition("/")[2]) + parameters


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    yield from _backend(request)


def _backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    made = Backend(
        "postgres",
        request.getfixturevalue("databases"),
        request.getfixturevalue("tmp_path"),
        request.getfixturevalue("postgres_databases"),
    )
    yield made
    made.close()


@pytest.fixture
async def credit(pooler: Postgres, backend: Backend) -> AsyncIterator[Harness]:
    direct = backend.url("credit")
    url = through(pooler, direct)
    async with running(
        create_credit, CreditSettings, backend, url=url, database_pooler="transaction", sweep_seconds=3600
    ) as harness:
        assert harness.platform.db.address.pooler == "transaction"
        harness.platform.db.url = make_url(direct)
        yield harness


async def test_writes_are_published(credit: Harness) -> None:
    """Singles and batches side by side, repeated ones among them: more statements than there are sessions."""

    async def single(number: int) -> int:
        answer = await credit.post("/v1/credit/violations", json=violation(number), as_=UNIT)
        return answer.status_code

    async def batch(first: int) -> int:
        items = [violation(number) for number in range(first, first + 20)]
        answer = await credit.post("/v1/credit/violations:batch", json={"items": items}, as_=UNIT)
        return answer.status_code

    numbers = list(range(100)) + list(range(50))
    random.Random(5).shuffle(numbers)
    work = [single(number) for number in numbers] + [batch(1000 + 10 * number) for number in range(12)]
    statuses = await asyncio.gather(*work)
    assert set(statuses) == {200, 201}
    await credit.settled()
    recorded = credit.published(ViolationRecorded)
    assert len({event.violation_id for event in recorded}) == len(recorded) == 100 + 130


async def test_events_are_applied_read_and_replayed(pooler: Postgres, backend: Backend) -> None:
    direct = backend.url("gateway")
    url = through(pooler, direct, "?pooler=transaction")
    async with running(create_gateway, GatewaySettings, backend, url=url, **down()) as gateway:
        gateway.platform.db.url = make_url(direct)  # what the test itself looks at, with the loop held meanwhile
        events: list[Any] = [samples.enterprise(), samples.product(), samples.party()]
        events += [samples.lot(f"L{number}") for number in range(60)]
        await gateway.deliver(*events)

        async def scan(number: int) -> int:
            return (await gateway.get(f"/v1/scan/01/{samples.APPLE}/10/L{number % 60}")).status_code

        assert set(await asyncio.gather(*(scan(number) for number in range(300)))) == {200}
        before = gateway.rows("SELECT lot_id, body FROM lot_view ORDER BY lot_id")
        assert len(before) == 60
        assert await replay(gateway.platform) == len(events)
        assert gateway.rows("SELECT lot_id, body FROM lot_view ORDER BY lot_id") == before
        assert (await gateway.get("/readyz")).status_code == 200


async def test_hot_reads_do_not_meet_each_others_statements(pooler: Postgres, backend: Backend) -> None:
    database = Database(through(pooler, backend.url("gateway"), "?pooler=transaction"))
    other = Database(through(pooler, backend.url("gateway"), "?pooler=transaction"))
    try:

        async def read(which: Database, number: int) -> bool:
            if number % 2:
                return await which.fetch("SELECT $1::int * 2", number) == [(number * 2,)]
            return await which.fetch("SELECT $1::text || 'x', 1", str(number)) == [(f"{number}x", 1)]

        for start in range(0, 400, 100):
            work = [read(which, number) for which in (database, other) for number in range(start, start + 100)]
            assert all(await asyncio.gather(*work))
        held = await database.fetch("SELECT count(*) FROM pg_prepared_statements")
        assert held == [(0,)], "nothing is left with a session that others use next"
    finally:
        await database.close()
        await other.close()


async def test_migrations_go_through_it(pooler: Postgres, postgres_databases: Postgres) -> None:
    """Also two at once: the second finds the work done."""
    await postgres_databases.create("pinzhi_test_pooled")
    try:
        url = pooler.url("pinzhi_test_pooled")
        told = {"PINZHI_DATABASE_URL": url, "PINZHI_DATABASE_POOLER": "transaction"}
        migrate = [sys.executable, "-m", "deploy.cli.prepare", "indicators"]
        both = [await asyncio.create_subprocess_exec(*migrate, env=os.environ | told) for _ in range(2)]
        assert [await process.wait() for process in both] == [0, 0]
        database = Database(url + "?pooler=transaction")
        try:
            assert await database.fetch("SELECT version_num FROM alembic_version") == [(head("indicators"),)]
        finally:
            await database.close()
    finally:
        await postgres_databases.drop("pinzhi_test_pooled")


async def test_without_the_setting_the_cause_is_told(pooler: Postgres) -> None:
    database = Database(pooler.url("postgres"))
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the words are what counts
            await database.fetch("SELECT 1")
        assert "PINZHI_DATABASE_POOLER=transaction" in reason(database.address, caught.value)
    finally:
        await database.close()
