"""Writes `bench/RESULTS.md`: the figures with machine, date and commit. A case that did not run keeps its last row."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.frame import Options, Outcome, figure

FILE = Path(__file__).parent / "RESULTS.md"
ROOT = FILE.parent.parent
HEAD = """\
# Measured

Written by `make bench`. Each row pits the product against a floor on the same machine in the same run (A/B/A/B,
medians); `ratio` is product / floor, and the goal is the one of the design. PostgreSQL and the load generator (`wrk`)
are pinned to one core, the service to the other. Absolute figures say little beyond this machine.

| case | what was measured | product | floor | unit | ratio | goal | reached | ranges, product / floor | run |
|---|---|---:|---:|---|---:|---|---|---|---|
"""
ROW = re.compile(r"^\| `(?P<case>[^`]+)` \|.*\| (?P<run>[^|]+) \|$", re.MULTILINE)
FOOT = "\n## Runs\n\n"


def machine() -> str:
    """Processor, cores, memory, kernel, Python; nothing that names one machine."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 2**20  # type: ignore[index]
    kernel = platform.release().split("-")[0]
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {kernel}, Python {platform.python_version()}"


def commit() -> str:
    """Short hash, with `+` when the tree has changes."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "no commit") + ("+" if git("status", "--porcelain", "-uno") else "")


def row(outcome: Outcome, run: str) -> str:
    reached = {True: "yes", False: "**no**", None: "-"}[outcome.met]
    work = f"{outcome.work}; against {outcome.against}" + (f". {outcome.note}" if outcome.note else "")
    cells = [f"`{outcome.case}`", work, figure(outcome.product), figure(outcome.floor), outcome.unit]
    cells += [f"{outcome.ratio:.2f}", outcome.goal, reached, outcome.spread, run]
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def write(outcomes: Iterable[Outcome], options: Options, load: str) -> None:
    """Replace the rows of the cases that ran, keep the others with the run that they came from."""
    old = FILE.read_text() if FILE.exists() else ""
    rows = {match["case"]: (match[0], match["run"].strip()) for match in ROW.finditer(old)}
    runs = dict(re.findall(r"^- (\S+): (.*)$", old, re.MULTILINE))
    run = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
    for outcome in outcomes:
        rows[outcome.case] = (row(outcome, run), run)
    runs[run] = (
        f"commit {commit()}, scale {options.scale:g}, {options.rounds} rounds of {options.seconds:g} s, "
        f"load before the start {load}; {machine()}"
    )
    used = {name: text for name, text in runs.items() if any(name == origin for _row, origin in rows.values())}
    lines = "\n".join(text for _name, (text, _run) in sorted(rows.items()))
    FILE.write_text(HEAD + lines + "\n" + FOOT + "".join(f"- {name}: {text}\n" for name, text in sorted(used.items())))
