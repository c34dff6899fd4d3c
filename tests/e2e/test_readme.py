"""The README is true: every line of its tour is run in a shell, and its answers are compared.

A ```console block holds commands after `$ ` (continued after `> `) and what they print; `…` stands for anything.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running, environment, running

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```console\n(.*?)```", re.S)
END = "--end of answer--"


def steps(text: str) -> Iterator[tuple[str, str]]:
    """`(command, expected output)` of all console blocks, in order."""
    for block in BLOCK.findall(text):
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


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("readme") / "var") as up:
        yield up


def test_both_languages_tell_the_same_tour() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    assert list(steps(english)) == list(steps(chinese))
    assert len(list(steps(english))) >= 20


@pytest.mark.timeout(300)
def test_every_line_of_the_tour_gives_its_answer(city: Running) -> None:
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=city.data_dir.parent,
        env=environment() | {"LC_ALL": "C.UTF-8"},
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    try:
        for command, expected in steps((ROOT / "README.md").read_text(encoding="utf-8")):
            here = command.replace("http://127.0.0.1:8000", city.base)
            shell.stdin.write(f"{here}\necho; echo '{END}'\n")
            shell.stdin.flush()
            lines: list[str] = []
            while (line := shell.stdout.readline()) and line.strip() != END:
                lines.append(line)
            printed = "".join(lines).strip().replace(city.base, "http://127.0.0.1:8000")
            assert pattern(expected).fullmatch(printed), f"$ {command}\n{printed}\n--- expected\n{expected}"
    finally:
        shell.stdin.close()
        shell.wait(20)
        shell.stdout.close()


def test_files_and_targets_that_are_named_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for path in re.findall(r"\]\((?!https?://)([^)#]+)\)", text):
            assert (ROOT / path).exists(), f"{name} links to {path}"
        for target in re.findall(r"`make ([a-z-]+)", text):
            assert target in targets, f"{name} names make {target}"
