"""A small storm: 1,000 events, 10 SIGKILLs at random over the relays and consumers; `make chaos` has the large one."""

from chaos.cluster import Cluster
from chaos.storm import storm


def test_nothing_is_lost_doubled_or_out_of_order(cluster: Cluster) -> None:
    outcome = storm(cluster, events=1000, kills=10, seed=20261124)
    assert outcome.kills == 10
    assert outcome.verdict.clean, outcome.verdict
    assert outcome.acknowledged == 1000
