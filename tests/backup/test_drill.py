"""The drill: clients write, a backup is taken, more is written, everything is lost, the backup comes back (and is
killed on the way), and everybody goes on. The judge knows nothing of the product."""

import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from chaos.history import Write, judge
from deploy import topology
from deploy.local.postgres import Postgres
from tests.backup.drill import (
    BACKUP_POINTS,
    CITY_POINTS,
    KEYS,
    RESTORE_POINTS,
    Clients,
    Installation,
    as_of,
    done,
    pinzhi,
    same_everywhere,
)
from tests.e2e.running import running, until
from tests.support.databases import apart

pytestmark = pytest.mark.timeout(900)  # some forty commands and ten starts of four services
LAPTOP, CITY = "laptop", "city"
_prefixes = itertools.count(1)


@dataclass
class Drill:
    """What the first half of the drill left: the set, and what clients were told."""

    installation: Installation
    backup: Path
    secret: str
    began: float = 0.0
    ended: float = 0.0
    writes: list[Write] = field(default_factory=list)


@pytest.fixture(
    scope="module",
    params=[LAPTOP, pytest.param(CITY, marks=[pytest.mark.postgres, pytest.mark.kafka])],
)
def drill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Drill:
    folder = tmp_path_factory.mktemp(f"drill-{request.param}")
    here, server = Installation(folder / "var"), None
    if request.param == CITY:
        server = request.getfixturevalue("own_server")
        broker = request.getfixturevalue("kafka_server")
        here = Installation(
            folder / "var", f"postgresql://{server.address}", f"kafka://{broker}/drill{os.getpid()}-{next(_prefixes)}."
        )
    made = Drill(here, folder / "backups" / "first", "")
    with running(here.data_dir, *here.up_options, demo=False) as up:
        made.secret = here.add_client("unit-drill")
        with Clients(up.base, made.secret, "unit-drill") as clients:
            until(lambda: clients.acknowledged > 60, "writes before the backup")
            for point in (*BACKUP_POINTS, *(CITY_POINTS[:2] if server else ())):
                _killed_backup(made, point, clients)
            made.began = time.monotonic()
            told = done(pinzhi("backup", str(made.backup), *here.options))
            made.ended = time.monotonic()
            assert "held for" in told
            sofar = clients.acknowledged
            # those under way when it ended stand for neither side
            until(lambda: clients.acknowledged > sofar + 60 + KEYS, "writes after the backup")
        made.writes = clients.writes
        assert not clients.failures, clients.failures[:5]
        until(here.at_rest, "rest")
    return made


def _killed_backup(made: Drill, point: str, clients: Clients) -> None:
    """A backup that is killed stops nobody and leaves nothing that looks whole."""
    killed = pinzhi("backup", str(made.backup), *made.installation.options, failpoints=f"{point}=kill")
    assert killed.returncode == -signal.SIGKILL, f"{point}: {killed.stdout}{killed.stderr}"
    assert not made.backup.exists()
    sofar = clients.acknowledged
    until(lambda: clients.acknowledged > sofar + 6, f"writes after {point}")


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL whose databases have the names of the services."""
    from deploy.local import postgres
    from deploy.local.process import MissingPart
    from tests.support.reference import missing

    try:
        with postgres.running() as server:
            yield server
    except MissingPart as error:
        missing(str(error))


def _lose_everything(here: Installation) -> None:
    shutil.rmtree(here.data_dir)
    if here.postgres:
        server = Postgres(here.postgres.removeprefix("postgresql://"))
        for service in topology.SERVICES:
            apart(server.drop(service.database))


def _judged(made: Drill, writes: list[Write]) -> None:
    verdict = judge(writes, made.installation.effects())
    assert verdict.clean, verdict
    same_everywhere(made.installation.last_names())


def test_what_was_acknowledged_before_comes_back_and_nothing_after_it(drill: Drill) -> None:
    here = drill.installation
    _lose_everything(here)
    done(pinzhi("restore", str(drill.backup), *here.options))
    promised = as_of(drill.writes, drill.began, drill.ended)
    counts = [sum(write.answer == answer for write in promised) for answer in ("acknowledged", "refused")]
    assert min(counts) >= 60
    with running(here.data_dir, *here.up_options, demo=False) as up:
        until(here.at_rest, "rest")
        _judged(drill, promised)
        # The clients go on: their events take numbers that the old broker has given to others.
        with Clients(up.base, drill.secret, "unit-drill", round="b") as clients:
            until(lambda: clients.acknowledged > 60, "writes after the restore")
        assert not clients.failures
        until(here.at_rest, "rest")
        _judged(drill, promised + clients.writes)
        assert done(pinzhi("doctor", *here.options)), "sound"


def test_killed_on_the_way_and_restored_again(drill: Drill) -> None:
    here = drill.installation
    promised = as_of(drill.writes, drill.began, drill.ended)
    points = (*RESTORE_POINTS, *(CITY_POINTS[2:] if here.postgres else ()))
    for point in points:
        _lose_everything(here)
        killed = pinzhi("restore", str(drill.backup), *here.options, failpoints=f"{point}=kill")
        assert killed.returncode == -signal.SIGKILL, f"{point}: {killed.stdout}{killed.stderr}"
        if point in ("restore.in_swap", "restore.before_end"):
            refused = pinzhi("up", *here.options)
            assert (refused.returncode, "cut off" in refused.stderr) == (2, True), refused.stderr
        done(pinzhi("restore", str(drill.backup), *here.options))
    with running(here.data_dir, *here.up_options, demo=False):
        until(here.at_rest, "rest")
        _judged(drill, promised)
    # Over an installation that is there: refused, and by --force done again.
    refused = pinzhi("restore", str(drill.backup), *here.options)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    done(pinzhi("restore", str(drill.backup), *here.options, "--force"))
    with running(here.data_dir, *here.up_options, demo=False):
        until(here.at_rest, "rest")
        _judged(drill, [replace(write) for write in promised])


def test_not_below_running_services(drill: Drill) -> None:
    here = drill.installation
    with running(here.data_dir, *here.up_options, demo=False):
        refused = pinzhi("restore", str(drill.backup), *here.options, "--force")
        assert refused.returncode == 2
        assert "in use" in refused.stderr or "stop them" in refused.stderr
