"""A consumer group of several processes of one service that grows and shrinks under load."""

import time
from collections.abc import Sequence

from chaos.cluster import Cluster
from chaos.load import Load
from chaos.outcome import Outcome, converge

_SERVICE = "traceability"
_KEYS = 30


def group(cluster: Cluster, *, sizes: Sequence[int], every: float) -> Outcome:
    """Let the group have each of `sizes` for `every` seconds. Members come by a start and go by a graceful end.

    `outcome.shared` tells how many effects each member had.
    """
    cluster.start_all()
    started = time.monotonic()
    name = f"g{len(cluster.history)}-"
    with Load([cluster.port("credit")], name=name, keys=_KEYS, pause=0.1) as load:
        for size in sizes:
            _resize(cluster, size)
            time.sleep(every)
        last = time.monotonic()
        load.end()
    outcome = converge(cluster, load, kills=0, since=last, started=started)
    outcome.shared = dict(cluster.rows(_SERVICE, "SELECT worker, count(*) FROM effect GROUP BY worker ORDER BY 1"))
    return outcome


def _resize(cluster: Cluster, size: int) -> None:
    members = sorted(worker for service, worker in cluster.running if service == _SERVICE)
    for worker in members[size:]:
        cluster.stop(cluster.running[_SERVICE, worker])
    for number in range(len(members), size):
        cluster.start(_SERVICE, str(number))
