"""Starts the processes of a run by forking one that has imported everything: a start takes a moment, not seconds.

    python -m chaos.nursery      reads requests from its input, a JSON object a line, and answers each with a number

The nursery is their parent: one that ended keeps its pid until it was asked for, so no pid that is killed here can be
another program's. All of them end with the nursery, and the nursery with whoever started it.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.process import tied

ROOT = Path(__file__).resolve().parents[1]
_WARM = (
    "aiokafka",
    "aiosqlite",
    "asyncpg",
    "shared.bus.kafka",
    "shared.bus.sqlite",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.lifespan.on",
)
_PR_SET_PDEATHSIG = 1


class Nursery:
    """`log` takes what the processes print."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                tied([sys.executable, "-m", "chaos.nursery"], orphaned="KILL"),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, environment: Mapping[str, str]) -> int:
        """Run `chaos.worker` with these variables beside those of the nursery; its pid."""
        return self._ask({"start": dict(environment)})

    def ended(self, pid: int) -> int | None:
        """None while the process runs; else how it ended: its exit code, or minus the signal. To be asked once."""
        status = self._ask({"ended": pid})
        return None if status == 0 else os.waitstatus_to_exitcode(status - 1)

    def _ask(self, request: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the nursery is gone; {self.log} tells why")
        return int(answer)


def main() -> None:
    for name in ("chaos.worker", *_WARM):
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "start" in request:
            answer = os.fork()
            if answer == 0:
                _be(request["start"])
        else:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            answer = status + 1 if pid else 0
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _be(environment: Mapping[str, str]) -> None:
    """The child: never returns."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.environ.update(environment)
        from chaos.worker import run

        run()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
