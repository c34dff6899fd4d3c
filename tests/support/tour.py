"""The README's tour as something to run: its commands in one shell, its answers compared.

A ```console block holds commands after `$ ` (continued after `> `) and what they print; `…` stands for anything.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from tests.support.sources import ROOT

README = ROOT / "README.md"
WRITTEN_BASE = "http://127.0.0.1:8000"
"""Where the README's platform answers."""
_BLOCK = re.compile(r"```console\n(.*?)```", re.S)
_END = "--end of answer--"


def steps(text: str) -> Iterator[tuple[str, str]]:
    """`(command, expected output)` of all console blocks, in order."""
    for block in _BLOCK.findall(text):
        command: list[str] = []
        answer: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield "\n".join(command), "\n".join(answer)
                command, answer = [line[2:]], []
            elif line.startswith("> ") and not answer:
                command.append(line[2:])
            else:
                answer.append(line)
        yield "\n".join(command), "\n".join(answer)


def pattern(expected: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in expected.strip().split("…")), re.S)


class Shell:
    """One bash that keeps its variables and functions from command to command."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env={**environment, "LC_ALL": "C.UTF-8"},
        )

    def __enter__(self) -> "Shell":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def run(self, command: str) -> str:
        """What it prints, errors included."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho; echo '{_END}'\n")
        self._process.stdin.flush()
        lines: list[str] = []
        while (line := self._process.stdout.readline()) and line.strip() != _END:
            lines.append(line)
        return "".join(lines).strip()

    def stop(self) -> None:
        """From another thread: end the shell; what waits for it sees the end of its output."""
        self._process.kill()


def walk(shell: Shell, base: str, replaced: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the README's tour against `base` and give each command that answered as written.

    `replaced` tells what to run for a command that only holds on a laptop. Raises AssertionError with both answers.
    """
    for command, expected in steps(README.read_text(encoding="utf-8")):
        here = (replaced or {}).get(command, command).replace(WRITTEN_BASE, base)
        printed = shell.run(here).replace(base, WRITTEN_BASE)
        assert pattern(expected).fullmatch(printed), f"$ {command}\n{printed}\n--- expected\n{expected}"
        yield command
