"""The event bus on Kafka and PostgreSQL: relay, consume, from a commit to its effect; the bare client beside it."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bench.bus_pair import TOPIC, create_tables
from bench.frame import LOAD_CORE, SERVICE_CORE, Options, Outcome, Series, alternate, case, compare, say
from bench.servers import ROOT
from deploy.local import kafka, postgres
from deploy.local.postgres import Postgres
from deploy.topics import create_topics
from deploy.topology import Topic

PARTITIONS = 12


@dataclass
class Bus:
    """A broker and a database server on the load core; each measurement has a topic and databases of its own."""

    kafka: str
    server: Postgres
    number: Iterator[int]

    def fresh(self, **options: Any) -> dict[str, Any]:
        run = next(self.number)
        topic = Topic(f"b{run}.{TOPIC}", PARTITIONS)
        asyncio.run(create_topics(self.kafka, [topic], replication=1))
        return {"kafka": f"{self.kafka}/b{run}.", "database": self.database(), **options}

    def database(self) -> str:
        name = f"bench{next(self.number)}"
        asyncio.run(self.server.create(name))
        url = self.server.url(name)
        asyncio.run(create_tables(url))
        return url


def start(role: str, options: dict[str, Any], core: str = SERVICE_CORE) -> "subprocess.Popen[str]":
    command = ["taskset", "-c", core, sys.executable, "-m", "bench.bus_pair", role, json.dumps(options)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, _ = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(f"bench.bus_pair ended with {process.returncode}")
    answer: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return answer


def once(role: str, options: dict[str, Any]) -> dict[str, Any]:
    return ended(start(role, options))


@case("bus")
def bus(options: Options) -> Iterator[Outcome]:
    pinned = ["taskset", "-c", LOAD_CORE]
    tuning = ["shared_buffers=512MB", "max_wal_size=4GB"]
    with (
        kafka.running(prefix=pinned, say=say) as broker,
        postgres.running(fsync=True, options=tuning, prefix=pinned) as server,
    ):
        on = Bus(broker.bootstrap, server, itertools.count(1))
        yield from _relay(on, options)
        yield from _consume(on, options)
        yield from _end_to_end(on, replace(options, rounds=max(2, options.rounds)))


def _relay(on: Bus, options: Options) -> Iterator[Outcome]:
    count = options.size(20_000)

    def rate(role: str) -> float:
        return count / float(once(role, on.fresh(count=count))["seconds"])

    series = alternate(options, lambda: rate("bare-send"), lambda: rate("relay"))
    yield compare(
        series,
        name="bus-relay",
        work=f"relay of a full outbox of {count:,} events (read, send, mark), PostgreSQL with fsync",
        against="bare aiokafka sending the same values, 500 at a time",
        unit="events/s",
        goal="-",
    )


def _consume(on: Bus, options: Options) -> Iterator[Outcome]:
    count = options.size(20_000)

    def filled() -> dict[str, Any]:
        given = on.fresh(count=count)
        once("relay", given)
        return given | {"database": on.database()}

    def rate(role: str) -> float:
        return count / float(once(role, filled())["seconds"])

    series = alternate(options, lambda: rate("bare-consume"), lambda: rate("consume"))
    yield compare(
        series,
        name="bus-consume",
        work=f"{count:,} events into a projection of one row each, with inbox, one process, PostgreSQL with fsync",
        against="bare aiokafka reading and committing the same records",
        unit="events/s",
        goal=">= 5,000 events/s",
        over=5_000,
    )


def _end_to_end(on: Bus, options: Options) -> Iterator[Outcome]:
    count = max(1_000, options.size(10_000))
    percentiles: dict[str, Series] = {"p50": Series(), "p99": Series()}
    for number in range(options.rounds):
        for side, publish, listen in (("floor", "bare-publish", "bare-listen"), ("product", "publish", "listen")):
            given = on.fresh(count=count)
            listener = start(listen, given | {"database": on.database()})
            publisher = start(publish, given)
            begun, done = ended(publisher)["at"], ended(listener)["at"]
            found = sorted((done[key] - at) * 1000 for key, at in begun.items())
            for name, part in (("p50", 0.50), ("p99", 0.99)):
                getattr(percentiles[name], side).append(found[int(len(found) * part)])
            p50, p99 = (getattr(series, side)[-1] for series in percentiles.values())
            say(f"  round {number + 1} {side}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    work = "from the commit in one service to the commit of its effect in another, 1,000 events/s for {} s"
    against = "produce and consume of the bare client at the same rate"
    for name, goal, options_ in (("p50", "within 5 x", {}), ("p99", "< 500 ms", {"below": 500.0})):
        outcome = compare(
            percentiles[name],
            name=f"bus-end-to-end-{name}",
            work=work.format(count // 1_000),
            against=against,
            unit="ms",
            goal=goal,
            **options_,  # type: ignore[arg-type]
        )
        yield outcome if name == "p99" else replace(outcome, met=outcome.ratio <= 5)
