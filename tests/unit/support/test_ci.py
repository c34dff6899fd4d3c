"""In CI nothing is skipped: what a laptop may leave out is a failure there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT

SKIPPING = """
import pytest
from tests.support.reference import reference

def test_by_hand():
    pytest.skip("the part is not here")

def test_reference():
    reference("no/such/file")

def test_works():
    assert True
"""


@pytest.mark.parametrize(("ci", "summary"), [("", "1 passed, 2 skipped"), ("true", "2 failed, 1 passed")])
def test_a_skip_is_a_failure_in_ci(tmp_path: Path, ci: str, summary: str) -> None:
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            ".",
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert summary in done.stdout, done.stdout + done.stderr
    assert done.returncode == (1 if ci else 0)
