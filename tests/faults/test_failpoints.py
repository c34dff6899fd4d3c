"""Every named failpoint, killed by SIGKILL once in a real process: 0 lost, 0 double effects, 0 inversions."""

import signal
from dataclasses import replace

import pytest

from chaos.cluster import Cluster
from chaos.load import Load
from shared import failpoints
from tests.backup.drill import BACKUP_POINTS, CITY_POINTS, RESTORE_POINTS

PATHS = {
    "credit": (
        "uow.before_commit@7",
        "uow.after_commit@7",
        "relay.before_send",
        "relay.after_send",
        "relay.before_mark",
        "relay.after_mark",
        "log.before_commit",
        "log.after_commit",
    ),
    "traceability": (
        "consumer.before_lock",
        "consumer.before_commit@2",
        "consumer.after_commit",
        "consumer.before_offset_commit@2",
        "consumer.after_offset_commit",
    ),
}
"""`name@hit` by the service that is killed while clients write. The hit of `uow` is past those of the start."""
PARKING = ("consumer.before_park", "consumer.after_park")
OPERATING = ("retry.before_commit", "retry.after_commit", "skip.before_commit", "skip.after_commit")
REBUILDING = ("replay.before_commit", "replay.after_commit")

SERVICE_WORK = (
    "verdicts.before_commit",
    "verdicts.after_commit",
    "recalls.before_commit",
    "recalls.after_commit",
    "capture.before_commit",
)
"""Of the traceability service's own workers: `tests/traceability/test_killed_workers.py`."""


def test_none_is_left_out() -> None:
    written = {point.split("@")[0] for points in PATHS.values() for point in points}
    copying = {*BACKUP_POINTS, *CITY_POINTS, *RESTORE_POINTS}  # tests/backup/test_drill.py
    assert written | {*PARKING, *OPERATING, *REBUILDING, *SERVICE_WORK} | copying == set(failpoints.NAMES)


@pytest.fixture(autouse=True)
def _all_running(request: pytest.FixtureRequest) -> None:
    """Whatever the test before left."""
    if "cluster" in request.fixturenames:
        request.getfixturevalue("cluster").start_all()


def armed(point: str) -> str:
    name, _, hit = point.partition("@")
    return f"{name}=kill@{hit or 1}"


def load(cluster: Cluster, name: str, total: int = 40) -> Load:
    return Load([cluster.port("credit")], name=name, keys=5, total=total)


def finish(cluster: Cluster, load: Load) -> None:
    cluster.until(lambda: not load.running, "the end of the writes")
    cluster.history += load.writes


def judged(cluster: Cluster) -> None:
    verdict = cluster.settle()
    assert verdict.clean, verdict


@pytest.mark.parametrize(
    ("service", "point"), [(service, point) for service, points in PATHS.items() for point in points]
)
def test_killed_on_the_way(cluster: Cluster, service: str, point: str) -> None:
    if point.startswith("log.") and not cluster.embedded_log:
        return  # this bus has none
    process = cluster.restart(service, failpoints=armed(point))
    with load(cluster, f"{point}-") as writing:
        assert cluster.ended(process) == -signal.SIGKILL
        cluster.start(service)
        finish(cluster, writing)
    judged(cluster)


@pytest.mark.parametrize("point", PARKING)
def test_killed_while_an_event_is_parked(cluster: Cluster, point: str) -> None:
    process = cluster.restart("traceability", failpoints=armed(point), poison=True)
    with load(cluster, f"poison-{point}-") as writing:
        assert cluster.ended(process) == -signal.SIGKILL
        cluster.start("traceability")  # cured: an event that was not parked yet is applied
        finish(cluster, writing)
    cluster.until(lambda: cluster.arrived("traceability"), "all events at the consumer")
    if point == "consumer.after_park":
        (letter,) = cluster.letters("traceability", "failed")
        assert cluster.operate("POST", "traceability", f"/dead-letters/{letter['id']}:retry")["applied"] >= 1
    assert not cluster.letters("traceability", "failed")
    judged(cluster)


@pytest.mark.parametrize("point", OPERATING)
def test_killed_while_an_operator_decides(cluster: Cluster, point: str) -> None:
    cluster.restart("traceability", poison=True)
    with load(cluster, f"poison-{point}-") as writing:
        finish(cluster, writing)
    cluster.until(lambda: cluster.arrived("traceability"), "all events at the consumer")
    letters = cluster.letters("traceability", "failed")
    assert len(letters) == 5, "one for each key, with those behind it"

    process = cluster.restart("traceability", failpoints=armed(point))
    deed = point.partition(".")[0]
    path = f"/dead-letters/{letters[0]['id']}:{deed}"
    assert cluster.operate("POST", "traceability", path) is None
    assert cluster.ended(process) == -signal.SIGKILL
    cluster.start("traceability")
    if deed == "skip":
        skipped = cluster.operate("GET", "traceability", f"/dead-letters/{letters[0]['id']}")
        if skipped["state"] != "skipped":
            assert point == "skip.before_commit"
            cluster.operate("POST", "traceability", path)
        given_up = skipped["data"]["name"]
        cluster.history = [
            replace(write, answer="refused") if write.content == given_up else write for write in cluster.history
        ]
    for letter in cluster.letters("traceability", "failed"):
        cluster.operate("POST", "traceability", f"/dead-letters/{letter['id']}:retry")
    judged(cluster)


@pytest.mark.parametrize("point", REBUILDING)
def test_killed_while_a_projection_is_rebuilt(cluster: Cluster, point: str) -> None:
    before = cluster.effects()["gateway"]
    process = cluster.restart("gateway", failpoints=armed(point))
    with load(cluster, f"{point}-") as writing:
        assert cluster.operate("POST", "gateway", ":replay") is None
        assert cluster.ended(process) == -signal.SIGKILL
        cluster.start("gateway")
        finish(cluster, writing)
    judged(cluster)
    assert set(before) <= set(cluster.effects()["gateway"])
    assert cluster.operate("POST", "gateway", ":replay")["events"] == len(cluster.effects()["gateway"])
    judged(cluster)
