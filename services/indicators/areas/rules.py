"""Areas as figures see them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class AreaFacts(NamedTuple):
    code: str
    name: str
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """An area as the rules see it."""

    code: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Tree:
    """An area with all that lies below it and has figures; areas without a code have a key of their own."""

    root: str
    children: Mapping[str, Sequence[str]]
    counties_on: Callable[[date], Sequence[Place]]
    """County-level divisions of the root on a day."""
    successors: Callable[[str], frozenset[str]]
    """Areas that took over the territory of one that ended."""
    sums: bool = True
    """False above the city: a national figure is never added up from the few cities that are known."""

    def below(self, code: str) -> list[str]:
        found = [code]
        for each in found:
            found.extend(self.children.get(each, ()))
        return found
