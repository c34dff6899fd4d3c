"""The load generator: `wrk`, pinned to its core, one target on the loopback, a bounded time."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.frame import LOAD_CORE
from deploy.local.process import MissingPart

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """Requests per second and in all, latencies in ms."""

    rate: float
    requests: int
    p50: float
    p99: float


def wrk(url: str, *, seconds: float, connections: int = 32, script: Path | None = None) -> Load:
    """Raises `RuntimeError` when any answer was not 2xx or 3xx: a fast error is no figure."""
    program = shutil.which("wrk")
    if program is None:
        raise MissingPart("wrk is not installed; the benches need it: apt-get install -y wrk")
    assert url.startswith("http://127.0.0.1:")
    command = [
        "taskset",
        "-c",
        LOAD_CORE,
        program,
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--latency",
    ]
    if script is not None:
        command += ["-s", str(script)]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False, timeout=seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    for trouble in (r"Non-2xx or 3xx responses: \d+", r"Socket errors: .*"):
        if match := re.search(trouble, done.stdout):
            raise RuntimeError(f"{url}: {match[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    requests = re.search(r"^\s*(\d+) requests in", done.stdout, re.MULTILINE)
    assert rate is not None, done.stdout
    assert requests is not None, done.stdout
    return Load(float(rate[1]), int(requests[1]), _latency(done.stdout, 50), _latency(done.stdout, 99))


def _latency(output: str, percentile: int) -> float:
    match = re.search(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s|m)\s*$", output, re.MULTILINE)
    assert match is not None, output
    return float(match[1]) * UNITS[match[2]]
