"""SIGKILLs at random moments over the relays and consumers of real processes, while clients write."""

import random
import time
from functools import partial

from chaos.cluster import Cluster
from chaos.load import Load
from chaos.outcome import Outcome, converge

_KEYS = 20


def storm(cluster: Cluster, *, events: int, kills: int, seed: int) -> Outcome:
    """Spread `kills` over the time that `events` acknowledged writes take; each victim is started again at once."""
    chance = random.Random(seed)
    cluster.start_all()
    done = 0
    started = time.monotonic()
    with Load([cluster.port("credit")], name="s", keys=_KEYS, total=events, seed=seed) as load:
        while done < kills:
            # The next kill when its share of the writes is acknowledged; at the end, what is left, as fast as it goes.
            share = events * (done + chance.random()) / (kills + 1)
            cluster.until(partial(_told, load, share), "progress")
            victim = chance.choice(cluster.services)
            cluster.kill(cluster.running[victim, "0"])
            last_kill = time.monotonic()
            cluster.start(victim)
            done += 1
        cluster.until(lambda: not load.running, "the end of the writes", seconds=600)
    return converge(cluster, load, kills=done, since=last_kill, started=started)


def _told(load: Load, share: float) -> bool:
    return load.acknowledged >= share or not load.running
