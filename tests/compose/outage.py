"""A server of the composed system goes away for half a minute under load and comes back: how long until all is whole.

The promise (`docs/ops/events.md`): nothing acknowledged is lost; writes answer 503 or succeed; service resumes within
five seconds of the first acknowledgement that a fresh client gets from the server.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from deploy.demo.cast import NUTS
from tests.compose.engine import Failed
from tests.compose.load import TRY_AGAIN, Load, violation

if TYPE_CHECKING:
    from tests.compose.run import Run

AWAY_SECONDS, BACK_SECONDS, PROMISED_SECONDS = 30.0, 180.0, 5.0
FRESH = Path(__file__).parent / "fresh.py"


def outage(run: "Run", server: str, load: Load) -> None:
    with run.step(f"stop {server} for {AWAY_SECONDS:.0f} s") as notes:
        _fresh(run, server, "prepare")
        headers = {"Authorization": f"Bearer {run.account().bearer()}"}
        load.clear()
        run.compose.run("stop", server)
        time.sleep(AWAY_SECONDS)
        with ThreadPoolExecutor(3) as threads:
            waiting = threads.submit(_fresh, run, server, "wait")
            started = time.monotonic()
            run.compose.run("start", server)
            back = float(waiting.result())
            whole = threads.submit(_first, run.whole, "every part current")
            acknowledged, seen = _push(run, f"{server}-back", headers, load)
            times = {"a push acknowledged": acknowledged, "its effect seen": seen, "every part current": whole.result()}
        notes.append(f"the server itself took {back - started:.1f} s")
        notes.append(", ".join(f"{what} after {at - back:.1f} s" for what, at in times.items()))
        if max(times.values()) - back > PROMISED_SECONDS:
            notes.append(f"LONGER than the {PROMISED_SECONDS:.0f} s that are promised")
        for what, answers, good in (("views", load.reads, ["200"]), ("pushes", load.pushes, ["200", "201"])):
            others = {name: count for name, count in answers.items() if name not in good}
            notes.append(f"{what} {answers.total() - sum(others.values())} of {answers.total()} {others or ''}".strip())
            if set(others) - {"503"} or (others and server == "kafka"):
                raise Failed(f"{what} while {server} was away: {dict(answers)}")


def _fresh(run: "Run", server: str, what: str) -> str:
    script = FRESH.read_text(encoding="utf-8")
    return run.compose.run("exec", "-T", "credit", "python", "-", server, what, seconds=BACK_SECONDS, stdin=script)


def _first(holds: Callable[[], bool], what: str) -> float:
    """`time.monotonic` at which it held first."""
    deadline = time.monotonic() + BACK_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if holds():
                return time.monotonic()
        time.sleep(0.05)
    raise Failed(f"{what}: not within {BACK_SECONDS:.0f} s")


def _push(run: "Run", external_id: str, headers: dict[str, str], load: Load) -> tuple[float, float]:
    """When a push that is begun now was acknowledged, and when its effect was seen at the gateway."""
    body, pushed = violation(external_id, run.today), ""

    def push() -> bool:
        nonlocal pushed
        answer = run.http.post("/v1/credit/violations", json=body, headers=headers)
        if answer.status_code in TRY_AGAIN:
            return False
        if answer.status_code not in (200, 201):
            raise Failed(f"a push after the outage: {answer.status_code} {answer.text[:300]}")
        pushed = answer.json()["violation_id"]
        return True

    def seen() -> bool:
        answer = run.http.get(f"/v1/enterprises/{NUTS.uscc}", headers=headers)
        items = answer.json()["department"]["violations"] if answer.status_code == 200 else []
        return pushed in {item["violation_id"] for item in items}

    acknowledged = _first(push, "a push acknowledged")
    load.acknowledged[external_id] = pushed
    return acknowledged, _first(seen, "its effect seen")
