"""Industries: GB/T 4754-2017, the section and divisions of manufacturing."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from shared.reference import table


@dataclass(frozen=True, slots=True)
class Industry:
    code: str
    name_zh: str
    parent: str | None
    manufacturing_29: bool
    """One of the 29 divisions of the manufacturing quality competitiveness index (制造业质量竞争力指数)."""
    source: str
    verified: bool
    """Read in the standard itself; otherwise the row waits for verification."""


@cache
def _registry() -> dict[str, Industry]:
    return {
        row["code"]: Industry(
            code=row["code"],
            name_zh=row["name_zh"],
            parent=row["parent"] or None,
            manufacturing_29=row["manufacturing_29"] == "1",
            source=row["source"],
            verified=row["status"] == "verified",
        )
        for row in table.rows("industries.csv")
    }


def get(code: str) -> Industry | None:
    """By code, with or without the letter of its section (`C13`, `13`)."""
    return _registry().get(f"C{code}" if code.isdecimal() else code)


def every() -> Iterator[Industry]:
    return iter(_registry().values())
