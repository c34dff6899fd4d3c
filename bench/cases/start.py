"""Start of the laptop mode on an installed, migrated data directory, and what it keeps in memory."""

import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.frame import Options, Outcome, Series, case, compare, say
from bench.processes import tree
from bench.servers import ROOT
from deploy.local.pinzhi import command, free_ports
from deploy.local.process import stop, tail, tied
from deploy.topology import SERVICES

SECONDS = 60.0


@case("start")
def start(options: Options) -> Iterator[Outcome]:
    data = options.folder / "start-data"
    say("  preparing the data directory ...")
    subprocess.run(command("migrate", "--data-dir", str(data)), cwd=ROOT, check=True, capture_output=True)
    seconds, memory = Series(), Series()
    for number in range(options.rounds + 1):
        floor = _measure(lambda base: [sys.executable, "-m", "bench.bare_fork", str(base)], options.folder)
        product = _measure(
            lambda base: command("up", "--no-demo", "--port", str(base), "--data-dir", str(data)), options.folder
        )
        if number == 0:  # the first start makes keys and fills the page cache
            continue
        for series, at in ((seconds, 0), (memory, 1)):
            series.floor.append(floor[at])
            series.product.append(product[at])
        told = "{:.2f} s {:.0f} MB"
        say(f"  round {number}: bare fork {told.format(*floor)}, pinzhi up {told.format(*product)}")
    shutil.rmtree(data, ignore_errors=True)
    against = "a bare fork of the same imports"
    yield compare(
        seconds,
        name="start-time",
        work="`pinzhi up` until all four services answer, installed and migrated",
        against=against,
        unit="s",
        goal="< 5 s",
        below=5.0,
    )
    yield compare(
        memory,
        name="start-memory",
        work=f"proportional memory (PSS) of all processes of `pinzhi up`, idle, {len(SERVICES)} services",
        against=against,
        unit="MB",
        goal="< 300 MB",
        below=300.0,
        note=f"{statistics.median(memory.product) - statistics.median(memory.floor):.0f} MB above the imports",
    )


def _measure(command_for: Callable[[int], list[str]], folder: Path) -> tuple[float, float]:
    """Seconds from the start of the process until all four answer, and their memory one second later."""
    base = free_ports()
    log = folder / f"start-{base}.log"
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(command_for(base)),
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if not key.startswith("PINZHI_")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        waiting = [base + service.port_offset for service in SERVICES]
        while waiting:
            if process.poll() is not None or time.monotonic() - begun > SECONDS:
                raise RuntimeError(f"not all four answered:\n{tail(log, 20)}")
            waiting = [port for port in waiting if not _answers(port)]
            time.sleep(0.01)
        seconds = time.monotonic() - begun
        time.sleep(1.0)
        return seconds, sum(_pss(pid) for pid in tree(process.pid)) / 1024
    finally:
        stop(process, with_signal=signal.SIGTERM)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return False


def _pss(pid: int) -> int:
    """kB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
