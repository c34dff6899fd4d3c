"""The broker and the database go away under load for seconds; `make chaos` does it for half a minute.

Nothing acknowledged is lost, writes answer 503 or succeed, service resumes by itself.
"""

import pytest

from chaos.cluster import Cluster
from chaos.nursery import Nursery
from chaos.outages import broker_away, database_away
from chaos.outcome import Outcome
from chaos.servers import PostgresServer
from deploy.local.kafka import Kafka

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]
TOPIC = "pinzhi.indicators.v1"
"""No service of the run reads it."""


def judged(outcome: Outcome) -> None:
    assert outcome.verdict.clean, outcome.verdict
    told = set(outcome.answers)
    assert told <= {"201", "409", "503"}, outcome.answers


def test_the_broker_is_stopped_and_comes_back(city: Cluster, own_kafka: Kafka, nursery: Nursery) -> None:
    said = len(nursery.log.read_bytes())
    outcome = broker_away(city, own_kafka, seconds=3, kill=False, topic=city.topic_prefix + TOPIC)
    judged(outcome)
    assert "503" not in outcome.answers, "writes need no broker"
    assert len(nursery.log.read_bytes()) - said < 1_000_000, "the clients ask for the broker without end"


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_the_database_goes_away_and_comes_back(city: Cluster, own_postgres: PostgresServer, *, kill: bool) -> None:
    outcome = database_away(city, own_postgres, seconds=2, kill=kill)
    judged(outcome)
    assert outcome.answers["503"] > 0, "there was no outage"
