"""What a run gave: figures, and the judge's word."""

import time
from collections import Counter
from dataclasses import dataclass, field

from chaos.cluster import Cluster
from chaos.history import Verdict
from chaos.load import Load


@dataclass
class Outcome:
    events: int
    """Writes that clients asked for."""
    acknowledged: int
    kills: int
    verdict: Verdict
    seconds: float
    """From the first write until all had come to rest."""
    to_converge: float
    """From the last fault, or the last write when that was later, until all had come to rest."""
    resumed: float | None = None
    """After an outage: from a fresh client's first acknowledgement to the next effect in every consumer."""
    shared: dict[str, int] = field(default_factory=dict)
    """Effects of each member of a group."""
    answers: Counter[str] = field(default_factory=Counter)
    """HTTP status of each try, or the name of the error of the line."""


def converge(cluster: Cluster, load: Load, *, kills: int, since: float, started: float) -> Outcome:
    """Wait for rest after a load that has ended, and judge."""
    since = max(since, max(write.told for write in load.writes))
    cluster.history += load.writes
    verdict = cluster.settle()
    now = time.monotonic()
    return Outcome(
        events=len(load.writes),
        acknowledged=load.acknowledged,
        kills=kills,
        verdict=verdict,
        seconds=now - started,
        to_converge=now - since,
        answers=load.answers,
    )
