"""A page of docs/ that is followed: its blocks are written into a copy of the project, its commands are run there.

A comment before a block says where it goes: `new: FILE`, `replace: FILE`, `append: FILE`, and with a line of the file
`replace in: FILE: LINE`, `after: FILE: LINE`, `before: FILE: LINE`. A page shows its commands as blocks of `sh`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.sources import ROOT

_BLOCK = re.compile(
    r"<!-- (?P<act>replace in|replace|append|after|before|new): (?P<file>[\w./]+)(?:: (?P<line>.+?))? -->\n"
    r"```(?:python|json)\n(?P<code>.*?)^```$|^```sh\n(?P<shell>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


class Copy:
    """The project's files in a folder of their own, under git, so that one sees what was touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=ROOT).split("\0")
        for name in filter(None, listed):
            if (ROOT / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self._git("init", "-q")
        self._git("add", "-A")
        self._git("-c", "user.name=copy", "-c", "user.email=copy@localhost", "commit", "-qm", "as it is")

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        done = subprocess.run(["git", *arguments], cwd=at or self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    def touched(self) -> set[str]:
        self._git("add", "-A")
        return set(self._git("diff", "--cached", "--name-only").split())

    def python(self, *arguments: str) -> str:
        """Run in the copy, with its own code; the output. Fails with all that it said."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder), "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write(self, act: str, file: str, line: str | None, code: str) -> None:
        path = self.folder / file
        assert path.exists() != (act == "new"), file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if line is not None:
            line = line.replace("\\n", "\n")
            assert text.count(line + "\n") == 1, f"{file} has not once the line {line!r}"
        whole = f"{line}\n"
        match act:
            case "replace" | "new":
                text = code
            case "append":
                text += code
            case "replace in":
                text = text.replace(whole, code)
            case "after":
                text = text.replace(whole, whole + code)
            case "before":
                text = text.replace(whole, code + whole)
        path.write_text(text, encoding="utf-8")


def steps(page: str) -> Iterator[tuple[str, str | None, str | None, str]]:
    """(act, file, line, code) of each block, in the order of the page; commands as (`sh`, None, None, command)."""
    for block in _BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if block["shell"] is not None:
            for command in block["shell"].splitlines():
                yield "sh", None, None, command
        else:
            yield block["act"], block["file"], block["line"], block["code"]
