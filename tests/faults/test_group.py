"""Two and three processes of one service on PostgreSQL and Kafka: work is shared, order holds, nothing is lost."""

import pytest

from chaos.cluster import Cluster
from chaos.group import group

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_a_group_grows_and_shrinks_under_load(city: Cluster) -> None:
    outcome = group(city, sizes=(1, 3, 2, 1), every=2.5)
    assert outcome.verdict.clean, outcome.verdict
    assert set(outcome.shared) == {"0", "1", "2"}, "each member had a share of the work"
    assert sum(outcome.shared.values()) >= outcome.acknowledged
