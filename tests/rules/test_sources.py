"""Shape of the source files: sizes, commits, clocks, paths, hosts."""

import ast
import re
from pathlib import Path

from tests.support.sources import ROOT, name, python, texts, tracked

PRODUCT = ("services", "shared", "deploy")
MOST_LINES = 400
MAY_COMMIT = {"shared/db/uow.py"}
"""Beside the folder shared/bus/, where the bus's own log is."""
MAY_READ_THE_CLOCK = {"shared/clock.py", "shared/ids.py"}
CLOCK_READS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


def called(node: ast.Call) -> tuple[str, str] | None:
    """`("session", "commit")` of `a.session.commit()`."""
    if not isinstance(node.func, ast.Attribute):
        return None
    owner = node.func.value
    last = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else "?"
    return last, node.func.attr


def calls(tree: ast.Module) -> list[tuple[int, tuple[str, str]]]:
    found = ((node.lineno, called(node)) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [(line, call) for line, call in found if call is not None]


def test_only_the_unit_of_work_commits() -> None:
    wrong = [
        f"{name(path)}:{line}"
        for path, tree in python(*PRODUCT)
        if name(path) not in MAY_COMMIT and not name(path).startswith("shared/bus/") and "migrations" not in path.parts
        for line, (owner, method) in calls(tree)
        # `uow.commit()` and `subscriber.commit(records)` are the seams themselves
        if method == "commit" and owner not in {"uow", "subscriber", "_subscriber"}
    ]
    assert not wrong, f"commit() outside {sorted(MAY_COMMIT)}: {wrong}"
    assert any(
        method == "commit"
        for path, tree in python("shared")
        if name(path) in MAY_COMMIT
        for _l, (_o, method) in calls(tree)
    ), "the check looks at the wrong file"


def test_no_sql_commit_in_text() -> None:
    statement = re.compile(r"""["']\s*COMMIT\s*;?\s*["']""", re.IGNORECASE)
    wrong = [
        name(path)
        for path, text in texts()
        if path.suffix == ".py"
        and name(path).split("/")[0] in PRODUCT
        and not name(path).startswith("shared/bus/")
        and statement.search(text)
    ]
    assert not wrong


def test_time_comes_from_the_clock() -> None:
    wrong = [
        f"{name(path)}:{line}"
        for path, tree in python("services", "shared")
        if name(path) not in MAY_READ_THE_CLOCK
        for line, call in calls(tree)
        if call in CLOCK_READS
    ]
    assert not wrong, f"use the platform's clock: {wrong}"


def test_files_fit_a_few_screens() -> None:
    long = {
        name(path): lines
        for path in tracked()
        if path.suffix == ".py" and "versions" not in path.parts
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long, f"over {MOST_LINES} lines; split by meaning: {long}"


def test_no_machine_is_named() -> None:
    """No path of the machine on which a file was written."""
    own = re.escape(str(ROOT.parent)) if ROOT.parent not in {Path("/"), Path("/tmp")} else "(?!)"
    expression = re.compile(rf"(?<![\w.:/-])(?:{own}|/root|/home/[a-z]\w*)/")
    wrong = [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        if path.resolve() != Path(__file__).resolve()
        for number, line in enumerate(text.splitlines(), 1)
        if expression.search(line)
    ]
    assert not wrong


def test_what_builds_names_no_package_host() -> None:
    """Packages are asked for by name; where they come from is the machine's setting."""
    builds = re.compile(
        r"^(requirements/.*|Makefile|pyproject\.toml|\.ci/.*|deploy/(?!demo/).*|docker-compose.*|uv\.lock)$"
    )
    address = re.compile(r"https?://(?!127\.0\.0\.1|localhost|maven\.apache\.org/POM|[a-z]+:\d)[\w{]")
    option = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host|^-i |^-f ", re.MULTILINE)
    wrong = [
        name(path)
        for path, text in texts()
        if builds.match(name(path)) and path.suffix != ".py" and (address.search(text) or option.search(text))
    ]
    assert not wrong


def test_every_test_folder_is_collected() -> None:
    """A test file whose name pytest does not know would pass unseen."""
    stray = [
        name(path)
        for path, tree in python("tests")
        if not path.name.startswith("test_")
        and any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
            for node in tree.body
        )
    ]
    assert not stray


def test_no_test_sleeps_for_luck_or_is_switched_off() -> None:
    """No unconditional skip, no xfail without a reason."""
    wrong = [
        f"{name(path)}:{line}"
        for path, tree in python("tests")
        for line, call in calls(tree)
        if call in {("mark", "skip"), ("mark", "xfail")}
    ]
    assert not wrong


def test_types_are_switched_off_in_few_places() -> None:
    """`type: ignore` in the product, each with the code of what is ignored."""
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path, text in texts()
        if path.suffix == ".py" and name(path).split("/")[0] in (*PRODUCT, "bench", "chaos")
        for number, line in enumerate(text.splitlines(), 1)
        if "# type: ignore" in line
    ]
    assert len(found) <= 40, "\n".join(found)
    assert [line for line in found if "# type: ignore[" not in line] == []
