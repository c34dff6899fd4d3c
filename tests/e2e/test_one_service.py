"""One service as `pinzhi serve` runs it: its log, and what it says about a second one under the same id."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.pinzhi import command, environment
from deploy.local.process import free_port
from tests.e2e.running import until

DROPPED = 'pinzhi_log_lines_dropped_total{service="credit"}'


class Served:
    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self._port, self._log = process, port, log

    def lines(self) -> list[dict[str, Any]]:
        """The log so far. Fails on a line that is not JSON."""
        text = self._log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def says(self, event: str) -> bool:
        return any(line["event"] == event for line in self.lines())

    def status(self) -> int:
        """Of `/readyz`; 0 when nobody answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", timeout=10).status_code
        except httpx.HTTPError:
            return 0


@contextmanager
def serve(data_dir: Path, name: str, **settings: str) -> Iterator[Served]:
    port, log = free_port(), data_dir / f"{name}.log"
    arguments = command("serve", "--prepare", "credit", "--port", str(port))
    with log.open("ab") as out:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=out,
            env=environment() | {"PINZHI_DATA_DIR": str(data_dir)} | settings,
        )
    try:
        yield Served(process, port, log)
    finally:
        process.terminate()
        process.wait(30)


def test_the_log_is_json_also_where_a_library_speaks(tmp_path: Path) -> None:
    with serve(tmp_path, "credit", PINZHI_BUS_URL=f"kafka://127.0.0.1:{free_port()}") as credit:
        until(lambda: any(line.get("logger", "").startswith("aiokafka") for line in credit.lines()), "aiokafka's word")
    line = next(line for line in credit.lines() if "logger" in line)
    assert (line["service"], line["level"]) == ("credit", "error")


def test_a_second_one_under_the_same_id_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    with serve(tmp_path, "first") as first:
        until(lambda: first.status() == 200, "the start of the first")
        with serve(tmp_path, "second") as second:
            until(lambda: second.says("worker id taken, waiting"), "the second's word")
            assert (first.status(), second.status()) == (200, 0)
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            until(lambda: second.status() == 200, "the start of the second")


@pytest.mark.parametrize("reader", ["gone", "stopped"])
def test_it_goes_on_when_nobody_reads_its_log(tmp_path: Path, reader: str) -> None:
    port, metrics_port = free_port(), free_port()
    process = subprocess.Popen(
        command("serve", "--prepare", "credit", "--port", str(port)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment() | {"PINZHI_DATA_DIR": str(tmp_path), "PINZHI_METRICS_PORT": str(metrics_port)},
    )
    assert process.stderr is not None
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:

            def ready() -> bool:
                try:
                    return http.get("/readyz").status_code == 200
                except httpx.HTTPError:
                    return False

            until(ready, "the start")
            if reader == "gone":
                process.stderr.close()

            def dropped() -> float:
                assert http.get("/v1/credit/rulebook").status_code == 200
                text = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30).text
                return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(DROPPED))

            for _ in range(600):  # more than a pipe holds
                assert http.get("/v1/credit/rulebook").status_code == 200
            until(dropped, "lines that are counted as lost")
            assert http.get("/readyz").status_code == 200
            assert not http.get("/readyz").json()["reasons"]
    finally:
        process.terminate()
        assert process.wait(30) is not None
        process.stderr.close()
