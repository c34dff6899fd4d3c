"""`pinzhi events` and `pinzhi topics`: what an operator types when something waits."""

from pathlib import Path

import pytest

from shared.bus import Record
from shared.bus.sqlite import SqliteBus
from tests.e2e.running import running, until
from tests.e2e.test_command_line import pinzhi, refused


async def _spoil(path: Path) -> None:
    bus = SqliteBus(path)
    await bus.start()
    await bus.publish([Record("pinzhi.credit.v1", "k", b"no event", {})])
    await bus.close()


async def test_an_operator_finds_shows_and_skips_what_cannot_be_applied(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path))
    with running(tmp_path):
        await _spoil(tmp_path / "bus.db")

        def listed() -> list[str]:
            return pinzhi("events", "dead", "list", "gateway", *where).stdout.splitlines()

        until(listed, "the dead letter in the gateway's list")
        (line,) = listed()
        letter, state, *_ = line.split("\t")
        assert state == "failed"
        shown = pinzhi("events", "dead", "show", "gateway", letter, *where)
        assert '"data": "no event"' in shown.stdout
        assert "0 applied" in pinzhi("events", "dead", "retry", "gateway", letter, *where).stdout
        lag = pinzhi("events", "lag", *where)
        assert lag.returncode == 0, lag.stderr
        assert [row.split("\t")[0] for row in lag.stdout.splitlines()] == [
            "gateway",
            "indicators",
            "credit",
            "traceability",
        ]
        assert pinzhi("events", "dead", "skip", "gateway", letter, *where).returncode == 0
        assert "skipped" in listed()[0]
        replayed = pinzhi("events", "replay", "gateway", *where)
        assert replayed.returncode == 0, replayed.stderr
        assert "events applied" in replayed.stdout
    assert "no dead letter nothing" in refused(pinzhi("events", "dead", "show", "gateway", "nothing", *where))


@pytest.mark.kafka
def test_topics_are_created_once(kafka_server: str, tmp_path: Path) -> None:
    address = f"kafka://{kafka_server}/made-{tmp_path.name}."
    assert "pinzhi.credit.v1" in pinzhi("topics", "create", address).stdout
    assert "all topics are there already" in pinzhi("topics", "create", address).stdout
    assert "is no Kafka" in refused(pinzhi("topics", "create", "rabbit://x"))
    assert "kafka://127.0.0.1:9" in refused(pinzhi("topics", "create", "kafka://127.0.0.1:9"))
