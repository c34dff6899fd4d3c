"""Writes `docs/ops/chaos.md`: the figures with machine, date and commit. A case that did not run keeps its last row."""

import re
from datetime import UTC, datetime
from pathlib import Path

from bench.report import machine
from chaos.outcome import Outcome

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "ops" / "chaos.md"
HEAD = """\
# Faults, full size

Written by `make chaos`. Real processes of three small services, real PostgreSQL with `fsync`, real Apache Kafka, killed
and cut off while clients write. The judge (`chaos/history.py`) knows nothing of the product: it compares what clients
were told with what took effect in both consumers, the second of which is two outboxes, relays and inboxes away.

Converged: from the last fault (or the last write, when that was later) until nothing waited anywhere. Resumed: from the
first acknowledgement of a fresh client of the server that came back to the next effect in every consumer.

"Faults" are lost / doubled / out of order / ghosts. All times are seconds.

| case | what was done | writes | acknowledged | SIGKILLs | faults | converged | resumed | took | answers | run |
|---|---|---:|---:|---:|---|---:|---:|---:|---|---|
"""
_ROW = re.compile(r"^\| `(?P<case>[^`]+)` \|.*\| (?P<run>[^|]+) \|$", re.MULTILINE)
_FOOT = "\n## Runs\n\n"


def row(case: str, what: str, outcome: Outcome, run: str) -> str:
    verdict = outcome.verdict
    answers = ", ".join(f"{number} x {answer}" for answer, number in sorted(outcome.answers.items()))
    if outcome.shared:
        shares = ", ".join(f"member {worker}: {number}" for worker, number in outcome.shared.items())
        what = f"{what} (effects of {shares})"
    cells = [
        f"`{case}`",
        what,
        outcome.events,
        outcome.acknowledged,
        outcome.kills,
        " / ".join(str(len(each)) for each in (verdict.lost, verdict.doubled, verdict.inverted, verdict.ghosts)),
        f"{outcome.to_converge:.1f}",
        "-" if outcome.resumed is None else f"{outcome.resumed:.1f}",
        f"{outcome.seconds:.0f}",
        answers,
        run,
    ]
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def write(case: str, what: str, outcome: Outcome, *, scale: float, load: str, commit: str) -> None:
    """Replace the row of the case, keep the others with the run that they came from."""
    old = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    rows = {match["case"]: (match[0], match["run"].strip()) for match in _ROW.finditer(old)}
    runs = dict(re.findall(r"^- (\S+): (.*)$", old, re.MULTILINE))
    run = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
    rows[case] = (row(case, what, outcome, run), run)
    runs[run] = f"commit {commit}, scale {scale:g}, load before the start {load}; {machine()}"
    used = {name: text for name, text in runs.items() if any(name == origin for _row, origin in rows.values())}
    lines = "\n".join(text for _name, (text, _run) in sorted(rows.items()))
    told = "".join(f"- {name}: {text}\n" for name, text in sorted(used.items()))
    FILE.write_text(f"{HEAD}{lines}\n{_FOOT}{told}", encoding="utf-8")
