"""The README is true: every line of its tour is run in a shell, and its answers are compared."""

import re
from collections.abc import Iterator

import pytest

from deploy.local.pinzhi import environment
from tests.e2e.running import Running, running
from tests.support.sources import ROOT
from tests.support.tour import Shell, steps, walk


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
    with Shell(city.data_dir.parent, environment()) as shell:
        assert len(list(walk(shell, city.base))) >= 20


def test_files_and_targets_that_are_named_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for path in re.findall(r"\]\((?!https?://)([^)#]+)\)", text):
            assert (ROOT / path).exists(), f"{name} links to {path}"
        for target in re.findall(r"`make ([a-z-]+)", text):
            assert target in targets, f"{name} names make {target}"
