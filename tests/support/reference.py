"""Reference material that stands beside the clone and is not part of the product (`../shared`).

Tests may read it, the product never does.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def reference(path: str) -> Path:
    """`reference("plan/targets.csv")` -> the file or folder; skips with the reason where it is absent, fails in CI."""
    home = Path(os.environ.get("PINZHI_REFERENCE") or ROOT.parent / "shared")
    found = home / path
    if not found.exists():
        missing(f"reference material {path} is not in {home}; put it there or name its folder in PINZHI_REFERENCE")
    return found


def missing(reason: str) -> None:
    """A part that the tests need is not there: told and skipped on a laptop, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"in CI nothing is skipped: {reason}", pytrace=False)
    pytest.skip(reason)
