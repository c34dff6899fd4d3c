"""Rows of an area, as a condition of a statement: what `areas.is_within` says of one code, of a column of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import and_, false, not_, or_

from shared.reference import areas

NATION = "100000"


@dataclass(frozen=True, slots=True)
class _Scope:
    prefixes: tuple[str, ...]
    """Digits that codes within begin with: the area's own, and those of areas that it has succeeded."""
    codes: tuple[str, ...]
    """Codes within that are no digits."""
    elsewhere: tuple[str, ...]
    """Digits that codes begin with which lie elsewhere, whatever their first digits say."""


def within(column: Any, area: str | None) -> Any:
    """`column` is a code of the area or of one that lies in it, towns, villages and areas that it succeeded included.
    Who has no area (None) sees nothing."""
    if area is None:
        return false()
    if areas.canonical(area) == NATION:
        return column.is_not(None)
    scope = _scope(areas.registry(), areas.canonical(area))
    inside = [_begins(column, prefix) for prefix in scope.prefixes]
    if scope.codes:
        inside.append(column.in_(scope.codes))
    outside = [not_(_begins(column, prefix)) for prefix in scope.elsewhere]
    return and_(or_(*inside), *outside)


def _begins(column: Any, digits: str) -> Any:
    """A range, not LIKE: both databases use an index for it."""
    if not digits.strip("9"):
        return column.startswith(digits, autoescape=True)  # nothing comes after it
    return and_(column >= digits, column < f"{int(digits) + 1:0{len(digits)}}")


@lru_cache(4_096)
def _scope(registry: areas.Areas, area: str) -> _Scope:
    here = {each.code for each in registry if registry.is_within(each.code, area)} | {area}
    prefixes = _shortest({_digits(code) for code in here if areas.is_code(code)})
    elsewhere = {
        _digits(each.code)
        for each in registry
        if areas.is_code(each.code) and each.code not in here and each.code.startswith(tuple(prefixes))
    }
    codes = sorted(code for code in here if not areas.is_code(code))
    return _Scope(tuple(prefixes), tuple(codes), tuple(_shortest(elsewhere)))


def _digits(code: str) -> str:
    """The digits that all codes below begin with: 370600 -> 3706, 370000 -> 37."""
    return code[:2] if code.endswith("0000") and len(code) == 6 else code[:4] if code[4:] == "00" else code


def _shortest(prefixes: set[str]) -> Sequence[str]:
    return sorted(each for each in prefixes if not any(each != other and each.startswith(other) for other in prefixes))
