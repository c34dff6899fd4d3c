"""`python -m bench [case ...] [--scale 0.1] [--rounds 3] [--seconds 5] [--no-write]`"""

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from bench import cases, report
from bench.frame import CASES, Options, Outcome, figure, say

assert cases  # registers them


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the product against its floors.")
    parser.add_argument("case", nargs="*", help=f"one or more of: {', '.join(CASES)} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sizes of the data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement, at most 30")
    parser.add_argument("--no-write", action="store_true", help="leave bench/RESULTS.md as it is")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.case if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are: {', '.join(CASES)}")
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("two cores are needed: one for the service, one for the database and the load")
    load = f"{os.getloadavg()[0]:.1f}"
    folder = Path(tempfile.mkdtemp(prefix="pinzhi-bench-"))
    options = Options(arguments.scale, arguments.rounds, min(arguments.seconds, 30.0), folder)
    outcomes: list[Outcome] = []
    failed: list[str] = []
    try:
        for name in arguments.case or CASES:
            say(f"{name} ...")
            try:
                for outcome in CASES[name](options):
                    outcomes.append(outcome)
                    say(
                        f"{outcome.case}: {figure(outcome.product)} against {figure(outcome.floor)} {outcome.unit}, "
                        f"ratio {outcome.ratio:.2f} (goal {outcome.goal})"
                    )
            except Exception as error:  # what the other cases measured is not lost
                failed.append(name)
                if not isinstance(error, RuntimeError):
                    traceback.print_exc()
                say(f"{name} failed: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not arguments.no_write and outcomes:
        report.write(outcomes, options, load)
        say(f"written to {report.FILE.relative_to(report.ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
