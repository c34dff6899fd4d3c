"""Docker Compose as a command line: the variable `COMPOSE` names it, by default `docker compose`.

Only what Compose itself offers is used, so that any engine will do that it reaches, also one on another socket.
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx

from tests.support.sources import ROOT

HOW = """Docker Compose 2 and a running engine are needed: install docker with its compose plugin, or name the command:
  make compose-test COMPOSE="docker compose"
  make compose-test COMPOSE=/path/to/a/script/that/passes/its/arguments/on
COMPOSE was {command!r}: {why}"""
WHOLE_SECONDS = 180
FILES = ("docker-compose.yml", "tests/compose/kill.yml")


class Failed(Exception):
    """What a person should read, with the output that tells why."""


def until(holds: Callable[[], Any], what: str, seconds: float = WHOLE_SECONDS) -> Any:
    """The first true value of `holds()`. Raises Failed when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            value = holds()
            if value:
                return value
        time.sleep(0.2)
    raise Failed(f"{what}: not within {seconds:.0f} s")


def need(holds: object, what: str) -> None:
    if not holds:
        raise Failed(what)


class Compose:
    """One project of its own: `settings` are the variables of docker-compose.yml."""

    def __init__(self, project: str, settings: Mapping[str, str]) -> None:
        self.command = shlex.split(os.environ.get("COMPOSE", "") or "docker compose")
        self.project = project
        self.files = list(FILES)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PINZHI_")}
        self.environment = clean | dict(settings)

    def check(self) -> str:
        """The version. Raises Failed that says how to get one."""
        shown = " ".join(self.command)
        try:
            version = self._call(["version", "--short"], 60, None)
            engine = self._call(["ls"], 60, None)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(HOW.format(command=shown, why=str(error))) from error
        for done in (version, engine):
            if done.returncode:
                raise Failed(HOW.format(command=shown, why=(done.stderr or done.stdout).strip()))
        if version.stdout.strip().lstrip("v").startswith("1."):
            raise Failed(HOW.format(command=shown, why=f"this is version {version.stdout.strip()}"))
        return version.stdout.strip()

    def run(self, *arguments: str, seconds: float = 120, stdin: str | None = None) -> str:
        """Standard output. Raises Failed with what the command said."""
        files = [part for name in self.files for part in ("-f", str(ROOT / name))]
        try:
            done = self._call(["-p", self.project, *files, *arguments], seconds, stdin)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"compose {' '.join(arguments)}: not done after {seconds:.0f} s") from error
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
            raise Failed(f"compose {' '.join(arguments)}: exit code {done.returncode}\n{tail}")
        return done.stdout

    def _call(self, arguments: Sequence[str], seconds: float, stdin: str | None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def containers(self) -> dict[str, dict[str, Any]]:
        """Service -> what `ps` tells of its container, running or not."""
        lines = self.run("ps", "--all", "--format", "json").strip().splitlines()
        return {told["Service"]: told for told in map(json.loads, lines)}

    def main_process(self, service: str) -> int | None:
        """Its id as the machine counts; None while the container does not run."""
        try:
            header, *rows = self.run("top", service).strip().splitlines() or [""]
        except Failed:  # it is being restarted at this moment
            return None
        names = header.split()
        if "PID" not in names:
            return None
        pid, parent = names.index("PID"), names.index("PPID")
        processes = {int(row.split()[pid]): int(row.split()[parent]) for row in rows}
        return next((each for each, above in processes.items() if above not in processes), None)

    def kill_process(self, service: str) -> int:
        """SIGKILL the container's first process from outside, so that it dies and is not stopped; which one it was.

        A container in the machine's process table does it: inside a container nobody can kill its first process, and
        what `docker kill` ends is not restarted.
        """
        pid = self.main_process(service)
        if pid is None:
            raise Failed(f"{service} does not run")
        self.run("run", "--rm", "--no-deps", "-T", "killer", str(pid))
        return pid
