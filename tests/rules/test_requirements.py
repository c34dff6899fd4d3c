"""The pinned requirements: complete, hashed, from no named place."""

import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from tests.support.sources import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def wanted(file: str) -> set[str]:
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    return {
        normal(match[0])
        for line in lines
        if not line.startswith(("-", "#")) and (match := re.match(r"[A-Za-z0-9._-]+", line))
    }


@pytest.mark.parametrize("name", ["run", "dev"])
def test_everything_asked_for_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pinned = {normal(package) for package in PIN.findall(text)}
    assert wanted(f"{name}.in") <= pinned
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_test_environment_runs_what_ships() -> None:
    """dev.txt pins the very versions of run.txt."""
    run, dev = ((ROOT / "requirements" / f"{name}.txt").read_text() for name in ("run", "dev"))
    pins = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
    shipped = {normal(package): version for package, version in pins.findall(run)}
    tested = {normal(package): version for package, version in pins.findall(dev)}
    assert shipped
    assert {package: tested.get(package) for package in shipped} == shipped


FREE = re.compile(
    r"\b(?:MIT(?:-0)?|BSD|0BSD|BSD-\d-Clause|Apache(?:-2\.0)?|ISC|PSF|Python Software Foundation|MPL|Mozilla|Lesser)\b"
    r"|Redistribution and use in source and binary forms"  # the BSD text itself
)
STRONG = re.compile(r"(?<!L)(?:A?GPL)|Affero|Commons Clause|SSPL|BUSL", re.IGNORECASE)


def licence(package: str) -> str | None:
    """What the package says of itself; None where it is not installed on this kind of machine."""
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return None
    classifiers = [line for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    return told.get("License-Expression") or "; ".join(classifiers) or (told.get("License") or "")


def test_what_ships_may_be_used_by_everybody() -> None:
    """Licences of all that `make run` installs: free ones, none that binds the whole platform."""
    told = {package: licence(package) for package in PIN.findall((ROOT / "requirements" / "run.txt").read_text())}
    installed = {package: text for package, text in told.items() if text is not None}
    assert len(installed) > 50
    assert {package: text[:80] for package, text in installed.items() if not FREE.search(text)} == {}
    assert {package: text[:80] for package, text in installed.items() if STRONG.search(text)} == {}
