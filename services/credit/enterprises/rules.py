"""Pure decisions about subjects: names and how they are found, what a new statement means."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

STATES = ("active", "revoked", "cancelled", "moved_out")
"""存续, 吊销, 注销, 迁出."""

COMMON = frozenset(
    bigram
    for word in ("有限责任公司", "股份有限公司", "有限公司", "集团公司", "公司", "合作社", "烟台市", "山东省")
    for bigram in (word[i : i + 2] for i in range(len(word) - 1))
)
"""Bigrams that nearly every name has: left out of a search that has others."""

STATED = ("name", "former_names", "area_code", "industry_code", "state", "chief_quality_officer")


class Stated(Protocol):
    name: str
    former_names: list[str]
    area_code: str
    industry_code: str | None
    state: str
    chief_quality_officer: bool
    source: str


def fold(text: str) -> str:
    """A name as it is compared: full-width forms to half-width, capitals, no spaces or brackets."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(char for char in plain if char.isalnum())


def bigrams(names: Iterable[str]) -> set[str]:
    """Neighbouring characters of the folded names; a name of one character is its own."""
    found: set[str] = set()
    for name in names:
        folded = fold(name)
        found |= {folded[i : i + 2] for i in range(len(folded) - 1)} or ({folded} - {""})
    return found


def query_bigrams(text: str) -> set[str]:
    """The bigrams that a name must have to be found, without the common ones where others remain."""
    wanted = bigrams([text])
    return (wanted - COMMON) or wanted


def former_names(present: Stated | None, name: str, stated: list[str]) -> list[str]:
    """Former names after a statement, in the order in which the register learned of them."""
    known = list(present.former_names) if present else []
    if present is not None and present.name != name:
        known.append(present.name)
    known += stated
    return [former for former in dict.fromkeys(known) if former != name]


def changes(present: Stated | None, row: Mapping[str, Any]) -> bool:
    """Whether a statement says anything new. A confirmed subject is news even with the same content."""
    if present is None or present.source != row["source"]:
        return True
    return any(getattr(present, name) != row[name] for name in STATED)
