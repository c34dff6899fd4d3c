"""`python -m bench.beside COMMIT`: CPU a request of this tree beside an earlier commit, in turn, on one machine.

Both run as `make run` does (`pinzhi up --demo`), in directories of their own, with the packages of this environment. A
measurement sends a number of requests on one connection and counts the CPU of all processes of the platform until they
rest again, less what they take while nobody asks: so what a write sets off in other services is in its figure.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.cases.intake import parties, violation
from bench.frame import say
from bench.processes import tree
from bench.servers import ROOT, wait
from deploy.demo.accounts import ENFORCEMENT, ENTERPRISES, DemoClient
from deploy.demo.cast import APPLES, COOPERATIVE, HARVEST, PACKHOUSE, RETAILER
from deploy.demo.chains import CONTEXT, Days, lot_class
from deploy.demo.client import Account
from deploy.local.pinzhi import command, environment, free_ports
from deploy.local.process import stop, tied

TICKS = os.sysconf("SC_CLK_TCK")
REST_SECONDS, MOST_SECONDS = 0.5, 60.0
"""At rest: half a second that costs no more than an idle one. No longer than a minute after the last answer."""
LIMITS = {
    "PINZHI_REQUESTS_PER_SECOND": "1000000",  # the limits count, and refuse nothing
    "PINZHI_CLIENT_REQUESTS_PER_SECOND": "1000000",
    "PINZHI_LOG_LEVEL": "warning",
}
DAYS = Days((datetime.now(UTC) + timedelta(hours=8)).date())
LOT = f"01/{APPLES.gtin}/10/{DAYS.apples.number}"
CODES = parties(2_000)


@dataclass
class Platform:
    """One tree's four services under `pinzhi up --demo`."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    connection: http.client.HTTPConnection
    idle: float = 0.0
    """CPU seconds a second while nobody asks."""
    sent: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)

    def cpu(self) -> float:
        """CPU seconds of all processes so far."""
        spent = 0
        for pid in tree(self.process.pid):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            spent += sum(int(each) for each in fields[11:15])  # its own and its ended children's
        return spent / TICKS

    def rest(self) -> None:
        deadline = time.monotonic() + MOST_SECONDS
        while time.monotonic() < deadline:
            before = self.cpu()
            time.sleep(REST_SECONDS)
            if self.cpu() - before <= self.idle * REST_SECONDS + 1.5 / TICKS:
                return
        raise RuntimeError(f"{self.name} did not come to rest")

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise RuntimeError(
                f"{self.name}: {method} {path}: {answer.status} {content[:500].decode(errors='replace')}"
            )
        return content

    def bearer(self, who: DemoClient) -> dict[str, str]:
        if who.client_id not in self.accounts:
            http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
            self.accounts[who.client_id] = Account(http, who)
        return {"Authorization": f"Bearer {self.accounts[who.client_id].bearer()}"}


Work = Callable[[Platform, int], None]
"""Sends its request with this number, which no other request of the run had."""


def _get(path: str, accept: str = "application/json", who: DemoClient | None = None) -> Work:
    def work(platform: Platform, _number: int) -> None:
        platform.ask("GET", path, {"Accept": accept} | (platform.bearer(who) if who else {}))

    return work


def _post(path: str, who: DemoClient, body: Callable[[int], dict[str, Any]]) -> Work:
    def work(platform: Platform, number: int) -> None:
        headers = platform.bearer(who) | {"Content-Type": "application/json"}
        platform.ask("POST", path, headers, json.dumps(body(number)).encode())

    return work


def _violation(number: int) -> dict[str, Any]:
    return violation(CODES[number % len(CODES)], f"beside-{number}")


def _event(number: int) -> dict[str, Any]:
    """A new lot out of the harvest, with the words of its packing."""
    at = datetime.now(UTC) - timedelta(hours=1)
    place = {"id": f"https://id.gs1.org/414/{PACKHOUSE.gln}"}
    return {
        "@context": [CONTEXT],
        "type": "TransformationEvent",
        "eventTime": at.isoformat(),
        "eventTimeZoneOffset": "+08:00",
        "bizStep": "packing",
        "readPoint": place,
        "bizLocation": place,
        "inputQuantityList": [{"epcClass": lot_class(HARVEST.gtin, f"BESIDE{number}"), "quantity": 5, "uom": "KGM"}],
        "outputQuantityList": [{"epcClass": lot_class(APPLES.gtin, f"BESIDE{number}"), "quantity": 1}],
    }


GROWER = next(client for client in ENTERPRISES if client.uscc == COOPERATIVE.uscc)
SHOP = next(client for client in ENTERPRISES if client.uscc == RETAILER.uscc)
CASES: dict[str, tuple[int, Work]] = {
    "scan": (16_000, _get(f"/v1/scan/{LOT}")),
    "scanned-page": (600, _get(f"/{LOT}", accept="text/html")),
    "enterprise": (16_000, _get(f"/v1/enterprises/{COOPERATIVE.uscc}")),
    "overview": (600, _get("/v1/overview")),
    "black-list": (600, _get("/v1/lists/black")),
    "verdict-at-the-door": (2_000, _get(f"/v1/traceability/verdicts/{APPLES.gtin}+{DAYS.apples.number}")),
    "trace-by-its-owner": (
        200,
        _get(f"/v1/traceability/lots/{APPLES.gtin}.{DAYS.apples.number}/trace?direction=both", who=GROWER),
    ),
    "trace-by-its-shop": (
        200,
        _get(f"/v1/traceability/lots/{APPLES.gtin}.{DAYS.apples.number}/trace?direction=both", who=SHOP),
    ),
    "epcis-query": (200, _get("/epcis/events?EQ_bizStep=packing&perPage=10", who=GROWER)),
    "violation": (400, _post("/v1/credit/violations", ENFORCEMENT, _violation)),
    "event": (200, _post("/epcis/events", GROWER, _event)),
}


@contextmanager
def platform(name: str, source: Path, folder: Path) -> Iterator[Platform]:
    base, data, log = free_ports(), folder / f"{name}-data", folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(command("up", "--demo", "--port", str(base), "--data-dir", str(data))),
            cwd=source,
            env={**environment(), **LIMITS, "PYTHONPATH": str(source)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    made = Platform(name, base, process, http.client.HTTPConnection("127.0.0.1", base, timeout=60))
    try:
        wait(f"http://127.0.0.1:{base}/01/{APPLES.gtin}/10/{DAYS.apples.number}", process, log)
        time.sleep(5)
        before = made.cpu()
        time.sleep(5)
        made.idle = (made.cpu() - before) / 5
        yield made
    finally:
        made.connection.close()
        stop(process, with_signal=signal.SIGTERM)


def measure(platform: Platform, work: Work, count: int) -> float:
    """CPU milliseconds a request."""
    platform.rest()
    begun, before = time.monotonic(), platform.cpu()
    for _ in range(count):
        platform.sent += 1
        work(platform, platform.sent)
    platform.rest()
    return (platform.cpu() - before - platform.idle * (time.monotonic() - begun)) / count * 1000


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.beside", description=__doc__)
    parser.add_argument("commit", help="the tree to compare with")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the numbers of requests")
    parser.add_argument("--only", nargs="*", choices=CASES, help="some of the cases", metavar="CASE")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pinzhi-beside-"))
    earlier = folder / "earlier"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(earlier), arguments.commit], check=True, capture_output=True)
    try:
        with ExitStack() as stack:
            old = stack.enter_context(platform("earlier", earlier, folder))
            new = stack.enter_context(platform("this", ROOT, folder))
            say(f"idle: {old.idle:.3f} and {new.idle:.3f} CPU s a second")
            print(f"| request | {arguments.commit}, CPU ms | this, CPU ms | ratio | ratios of the rounds |")
            print("|---|---:|---:|---:|---|")
            for name in arguments.only or CASES:
                count, work = CASES[name]
                count = max(20, int(count * arguments.scale))
                pairs = [(measure(old, work, count), measure(new, work, count)) for _ in range(arguments.rounds + 1)]
                pairs = pairs[1:]  # the first fills caches
                ratios = sorted(after / before for before, after in pairs)
                before, after = (statistics.median(each) for each in zip(*pairs, strict=True))
                span = f"{ratios[0]:.2f}-{ratios[-1]:.2f}"
                print(f"| {name} | {before:.2f} | {after:.2f} | {statistics.median(ratios):.2f} | {span} |", flush=True)
    finally:
        subprocess.run([*git, "remove", "--force", str(earlier)], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
