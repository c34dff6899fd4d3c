"""A second container of credit beside the first, as docs/ops/compose.md says, and a third under an id that is taken."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count
from typing import TYPE_CHECKING

from deploy.demo.accounts import USERS
from deploy.demo.chains import Days
from deploy.demo.client import Account
from tests.compose.engine import Failed, need, until
from tests.compose.load import Load, violation

if TYPE_CHECKING:
    from tests.compose.run import Run

OVERRIDE = "deploy/compose/two-credit.yml"
CREDITS, AT_ONCE = ("credit", "credit-2"), 8
READY = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/readyz').read().decode())"


def two_credits(run: "Run", load: Load) -> None:
    with run.step("a second container of credit") as notes:
        run.compose.files.append(OVERRIDE)
        run.compose.run("up", "-d", "--wait", seconds=180)
        before = {name: _pushes(run, name) for name in CREDITS}
        load.clear()
        numbers, unit = count(1), run.account()
        unit.bearer()  # once, not by all threads

        def burst() -> bool:
            """Several at once: the gateway keeps a connection as long as it is used, and one client uses one."""
            number = next(numbers)
            with ThreadPoolExecutor(AT_ONCE) as threads:
                for external_id, receipt in threads.map(
                    lambda part: _push(unit, f"B{number}-{part}", run.today), range(AT_ONCE)
                ):
                    load.acknowledged[external_id] = receipt
            return all(_pushes(run, name) >= before[name] + 3 for name in CREDITS)

        until(burst, "pushes to both containers")
        until(lambda: all(_reads_events(run, name) for name in CREDITS), "a share of the events for both containers")
        _recall(run)
        refused = _same_id(run)
        need("give each process a PINZHI_WORKER_ID of its own" in refused, f"a third one under id 1 said: {refused}")
        need(all(_ready(run, name)["reasons"] == {} for name in CREDITS), "the third one disturbed the others")
        others = {name: count for name, count in load.pushes.items() if name not in ("200", "201")}
        need(not others, f"pushes to two containers: {dict(load.pushes)}")
        took = ", ".join(f"{name} {_pushes(run, name) - before[name]}" for name in CREDITS)
        notes.append(f"every push acknowledged ({took}); both read events")
        notes.append("a recall reaches the credit file and the scan; a third one under a taken id is refused")


def _push(unit: Account, external_id: str, today: date) -> tuple[str, str]:
    receipt = unit.post("/v1/credit/violations", violation(external_id, today))
    return external_id, receipt["violation_id"]


def _recall(run: "Run") -> None:
    lot = Days(run.today).apples
    officer = Account(run.http, next(user for user in USERS if user.username == "demo-officer"))
    body = {"lots": [lot.lot_id], "level": 3, "reason": "标签有误", "instructions": "退回购买处"}
    number = officer.post("/v1/traceability/recalls", body)["number"]
    scan = f"/01/{lot.product.gtin}/10/{lot.number}"
    accept = {"Accept": "application/json"}
    until(lambda: run.http.get(scan, headers=accept).json()["verdict"] == "recalled", "the recall on the scan")
    file = f"/v1/credit/enterprises/{lot.product.owner.uscc}"
    until(lambda: number in [each["number"] for each in officer.get(file)["recalls"]], "the recall in the credit file")


def _ready(run: "Run", name: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(run.compose.run("exec", "-T", name, "python", "-", stdin=READY))
    return told


def _reads_events(run: "Run", name: str) -> bool:
    """Whether it has partitions of the topics that credit reads."""
    return bool(_ready(run, name)["consumer_lag"])


def _pushes(run: "Run", name: str) -> int:
    lines = run.compose.run("logs", "--no-color", "--no-log-prefix", name).splitlines()
    return sum('"path":"/v1/credit/violations"' in line and '"status":201' in line for line in lines)


def _same_id(run: "Run") -> str:
    """What a container says that is started under the id of one that runs."""
    try:
        run.compose.run("run", "--rm", "-T", "--no-deps", "-e", "PINZHI_WORKER_ID=1", "credit", seconds=120)
    except Failed as error:
        return str(error)
    return "nothing; it ended well"
