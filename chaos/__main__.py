"""`python -m chaos [case ...] [--scale 0.1] [--no-write]`"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import commit
from chaos import report
from chaos.cluster import Cluster
from chaos.group import group
from chaos.nursery import Nursery
from chaos.outages import broker_away, database_away
from chaos.outcome import Outcome
from chaos.servers import PostgresServer, own_kafka, own_postgres
from chaos.storm import storm
from deploy.local.kafka import Kafka
from deploy.local.process import MissingPart
from tests.support.databases import Backend, Databases
from tests.support.kafka import fresh_address

_QUIET_TOPIC = "pinzhi.indicators.v1"
"""No service of a run reads it."""
_CONVERGE_SECONDS = 10.0
_RESUME_SECONDS = 5.0

Case = Callable[[Cluster, PostgresServer, Kafka, float], Outcome]


def _storm(cluster: Cluster, _postgres: PostgresServer, _kafka: Kafka, scale: float) -> Outcome:
    return storm(cluster, events=round(10_000 * scale), kills=round(200 * scale), seed=20261124)


def _broker(cluster: Cluster, _postgres: PostgresServer, kafka: Kafka, scale: float) -> Outcome:
    topic = cluster.topic_prefix + _QUIET_TOPIC
    return broker_away(cluster, kafka, seconds=30 * scale, kill=True, topic=topic)


def _database(cluster: Cluster, postgres: PostgresServer, _kafka: Kafka, scale: float) -> Outcome:
    return database_away(cluster, postgres, seconds=30 * scale, kill=True)


def _group(cluster: Cluster, _postgres: PostgresServer, _kafka: Kafka, scale: float) -> Outcome:
    turns = max(1, round(10 * scale))
    return group(cluster, sizes=[*(1, 3, 2) * turns, 1], every=2.0)


CASES: dict[str, tuple[str, Case]] = {
    "storm": ("SIGKILLs at random over the relays and consumers, each process started again at once", _storm),
    "broker": ("the broker is killed under load, is away for 30 s, and is started again", _broker),
    "database": ("PostgreSQL is killed under load, is away for 30 s, and is started again", _database),
    "group": ("a group of 1, 3, 2, 1 ... members of one service, changed every 2 s for 60 s", _group),
}


@contextmanager
def _laboratory(postgres: PostgresServer, kafka: Kafka, nursery: Nursery, folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    backend = Backend("postgres", Databases(folder), folder, postgres.address)
    cluster = Cluster(nursery, backend, f"kafka://{fresh_address(kafka.bootstrap)}")
    try:
        yield cluster
    finally:
        cluster.close()
        backend.close()


def _faults(outcome: Outcome) -> list[str]:
    """What misses the goal."""
    found = [] if outcome.verdict.clean else [str(outcome.verdict)]
    if outcome.to_converge > _CONVERGE_SECONDS:
        found.append(f"converged after {outcome.to_converge:.1f} s, the goal is {_CONVERGE_SECONDS:g} s")
    if outcome.resumed is not None and outcome.resumed > _RESUME_SECONDS:
        found.append(f"resumed after {outcome.resumed:.1f} s, the goal is {_RESUME_SECONDS:g} s")
    strange = set(outcome.answers) - {"201", "409", "503", "ConnectError", "ReadError", "RemoteProtocolError"}
    if strange:
        found.append(f"clients were answered {sorted(strange)}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Full-size faults against real processes.")
    parser.add_argument("case", nargs="*", help=f"one or more of: {', '.join(CASES)} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies numbers and times")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ops/chaos.md as it is")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.case if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are: {', '.join(CASES)}")
    folder = Path(tempfile.mkdtemp(prefix="pinzhi-chaos-"))
    failed, present = False, commit()
    try:
        with own_postgres() as postgres, own_kafka() as kafka, Nursery(folder / "log.txt") as nursery:
            for name in arguments.case or CASES:
                load = f"{os.getloadavg()[0]:.1f}"
                what, case = CASES[name]
                print(f"{name}: {what} ...", flush=True)
                with _laboratory(postgres, kafka, nursery, folder / name) as cluster:
                    outcome = case(cluster, postgres, kafka, arguments.scale)
                print(f"{name}: {outcome.events} writes, {outcome.kills} SIGKILLs: {outcome.verdict}", flush=True)
                for fault in _faults(outcome):
                    failed = True
                    print(f"{name}: {fault}", flush=True)
                if not arguments.no_write:
                    report.write(name, what, outcome, scale=arguments.scale, load=load, commit=present)
    except MissingPart as error:
        raise SystemExit(f"make chaos: {error}") from None
    finally:
        if failed:
            print(f"the logs of the processes are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
