"""What the tests need beside the Python packages: what is here, what is not, and how to get it."""

import shutil
from pathlib import Path

from deploy.local import postgres
from deploy.local.process import MissingPart


def _postgres() -> bool:
    try:
        postgres.binaries()
    except MissingPart:
        return False
    return True


PARTS = {
    "PostgreSQL (repositories and services on the city's database)": (_postgres, "postgresql"),
    "Chromium (pages)": (lambda: bool(shutil.which("chromium")), "chromium"),
    "a Chinese font (screenshots)": (
        lambda: any(Path("/usr/share/fonts").rglob("NotoSansCJK*")) if Path("/usr/share/fonts").exists() else False,
        "fonts-noto-cjk",
    ),
    "Java (the local Kafka)": (lambda: bool(shutil.which("java")), "default-jre-headless"),
    "kcat (docs/units.md)": (lambda: bool(shutil.which("kcat")), "kcat"),
    "Maven (fetches the local Kafka once)": (lambda: bool(shutil.which("mvn")), "maven"),
}
"""Name and use -> whether it is there, Debian package."""


def report() -> list[str]:
    """One line for each part that is missing, or one that all are there."""
    absent = [(name, package) for name, (here, package) in PARTS.items() if not here()]
    if not absent:
        return ["parts: all here (PostgreSQL, Chromium, fonts, Java, Maven)"]
    lines = [f"missing: {name}; its tests cannot run" for name, _package in absent]
    return [*lines, f"to get them: apt-get install -y {' '.join(package for _name, package in absent)}"]
