"""PostgreSQL by itself: an inbox without statistics, what deleting costs, the price of a pooler."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg

from bench.bus_pair import create_tables
from bench.cases.bus import Bus, ended, once
from bench.frame import LOAD_CORE, SERVICE_CORE, Options, Outcome, alternate, case, compare, say
from bench.servers import ROOT
from deploy.local import kafka, pgbouncer, postgres
from deploy.local.postgres import Postgres

PINNED = ["taskset", "-c", LOAD_CORE]
TUNING = ["shared_buffers=512MB", "max_wal_size=4GB"]


def _once(role: str, options: dict[str, Any]) -> float:
    command = ["taskset", "-c", SERVICE_CORE, sys.executable, "-m", "bench.database_pair", role, json.dumps(options)]
    return float(ended(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))["seconds"])


@case("inbox-cold")
def inbox_cold(options: Options) -> Iterator[Outcome]:
    """The first load of a city: the tables were analysed while they were empty, and no autovacuum comes to help."""
    count = max(20_000, options.size(60_000))
    with (
        kafka.running(prefix=PINNED, say=say) as broker,
        postgres.running(fsync=True, options=[*TUNING, "autovacuum=off"], prefix=PINNED) as server,
    ):
        on = Bus(broker.bootstrap, server, itertools.count(1))

        def filled() -> dict[str, Any]:
            given = on.fresh(count=count)
            once("relay", given)
            database = on.database()
            asyncio.run(_analyse(database))
            return given | {"database": database}

        def rate(role: str) -> float:
            return count / float(once(role, filled())["seconds"])

        series = alternate(options, lambda: rate("bare-consume"), lambda: rate("consume"), warm_up=False)
    yield compare(
        series,
        name="inbox-cold",
        work=f"{count:,} events of as many new keys into a projection, with inbox, tables analysed while empty",
        against="bare aiokafka reading and committing the same records",
        unit="events/s",
        goal=">= 7,000 events/s",
        over=7_000,
    )


async def _analyse(url: str) -> None:
    connection: Any = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@case("outbox-retention")
def outbox_retention(options: Options) -> Iterator[Outcome]:
    count = max(20_000, options.size(200_000))
    with postgres.running(fsync=True, options=TUNING, prefix=PINNED) as server:
        names = itertools.count(1)

        def rate(role: str) -> float:
            return count / _once(role, {"count": count, "database": _fresh(server, names)})

        series = alternate(options, lambda: rate("bare-delete"), lambda: rate("retain"), warm_up=False)
    yield compare(
        series,
        name="outbox-retention",
        work=f"{count:,} published outbox rows deleted in steps of at most 1,000, without the rests between them",
        against="one DELETE of the whole range",
        unit="rows/s",
        goal="-",
    )


@case("pooler")
def pooler(options: Options) -> Iterator[Outcome]:
    """What PgBouncer in transaction mode costs: pooler against direct, the same code."""
    count = max(2_000, options.size(20_000))
    with (
        postgres.running(fsync=True, options=TUNING, prefix=PINNED) as server,
        pgbouncer.running(server, pool_size=20, prefix=PINNED) as between,
    ):
        names = itertools.count(1)
        for role, work in (("read", "hot reads of one row"), ("write", "transactions that publish one event")):

            def rate(through: Postgres, role: str = role) -> float:
                direct = _fresh(server, names)
                url = through.url(direct.rpartition("/")[2])
                if through is between:
                    url += "?pooler=transaction"
                return count / _once(role, {"count": count, "database": url, "direct": direct})

            series = alternate(options, lambda rate=rate: rate(server), lambda rate=rate: rate(between))  # type: ignore[misc]
            yield compare(
                series,
                name=f"pooler-{role}",
                work=f"{work}, 8 at a time, through PgBouncer in transaction mode",
                against="the same without it, prepared statements kept",
                unit="/s",
                goal="-",
            )


def _fresh(server: Postgres, names: Iterator[int]) -> str:
    name = f"bench{next(names)}"
    asyncio.run(server.create(name))
    url = server.url(name)
    asyncio.run(create_tables(url))
    return url
