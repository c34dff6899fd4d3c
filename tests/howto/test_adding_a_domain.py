"""docs/adding-a-domain.md, followed to the letter in a copy of the project."""

import re
from pathlib import Path

import pytest

from tests.howto.page import Copy, steps
from tests.support.sources import ROOT

MADE = re.compile(r"make (new-domain|migration) SERVICE=(\w+) NAME=(\w+)")
LATER = re.compile(r"make (check|test\b.*)")


def run(copy: Copy, command: str) -> None:
    """`make` itself would set up the copy's own environment: what it calls is called here."""
    if made := MADE.fullmatch(command):
        target = re.search(rf"^{made[1]}: .*\n\t@\$\(BIN\)/python (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert target is not None
        copy.python(*target[1].replace("$(SERVICE)", made[2]).replace("$(NAME)", made[3]).split())
    elif command.startswith("python "):
        copy.python(*command.split()[1:])
    else:
        assert LATER.fullmatch(command), f"the page runs what no test runs: {command}"


@pytest.mark.timeout(600)
def test_the_page_leads_to_a_domain_that_works(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    for act, file, line, code in steps("adding-a-domain.md"):
        if act == "sh":
            run(copy, code)
        else:
            assert file is not None
            copy.write(act, file, line, code)
    (migration,) = (tmp_path / "services/credit/migrations/versions").glob("*_commendations.py")
    folder = "services/credit/commendations/"
    outside = {name for name in copy.touched() if not name.startswith((folder, "tests/"))}
    assert outside == {
        "services/credit/app.py",
        "shared/events/credit.py",
        "shared/events/catalogue.py",
        "shared/events/frozen/pinzhi.credit.commendation.recorded.v1.json",
        str(migration.relative_to(tmp_path)),
    }
    copy.python("-m", "ruff", "check", "--quiet", "services", "shared", "tests/credit", "tests/rules", "tests/fuzz")
    copy.python("-m", "ruff", "format", "--check", "--quiet", folder, "shared/events", "tests/credit")
    tests = (
        "tests/credit/test_commendations.py",
        "tests/rules/test_knots.py",
        "tests/rules/test_catalogue.py",
        "tests/rules/test_authorisation_matrix.py::test_who_may_call_what[credit]",
        "tests/rules/test_what_writes_do.py::test_a_write_does_only_what_its_caller_may[credit]",
    )
    told = copy.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgres", *tests)
    assert re.search(r"^\d+ passed", told, re.MULTILINE), told


def test_a_name_that_is_taken_or_wrong_is_refused(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    for arguments, words in (
        (("domain", "credit", "violations"), "services/credit/violations is there already"),
        (("domain", "billing", "invoices"), "SERVICE is one of"),
        (("domain", "credit", "../x"), "NAME is lower case"),
        (("migration", "credit", "nothing"), "there is nothing to migrate"),
    ):
        with pytest.raises(AssertionError, match=re.escape(words)):
            copy.python("-m", "deploy.scaffold", *arguments)
    assert copy.touched() == set()
