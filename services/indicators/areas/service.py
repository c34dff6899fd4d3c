"""From the registry of areas to trees of figures."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cache

from services.indicators.areas.rules import AreaFacts, Place, Tree
from services.indicators.areas.scope import ABOVE_CITY
from shared.errors import FieldError, Invalid
from shared.reference import areas
from shared.reference.areas import Area

COUNTY = "县级"
CITY = "地级"


def facts(code: str) -> AreaFacts | None:
    area = areas.get(code)
    return AreaFacts(area.code, area.name, area.valid_from, area.valid_until) if area else None


def require(code: str, parameter: str = "?area") -> Area:
    area = areas.get(code)
    if area is None:
        raise Invalid(
            [
                FieldError(
                    parameter,
                    "area.unknown",
                    f"没有登记的地区代码“{code[:20]}”，全部地区见 /v1/indicators/areas",
                    f'Area code "{code[:20]}" is not registered; all are at /v1/indicators/areas',
                )
            ]
        )
    return area


def name_of(code: str) -> str:
    area = areas.get(code)
    return area.name if area else code


def lineage(code: str) -> list[str]:
    """The area and those above it whose figures may be made of its own: up to the city."""
    found = []
    at: str | None = code
    while at is not None:
        area = areas.get(at)
        if area is not None and area.level in ABOVE_CITY and at != code:
            break
        found.append(at)
        if area is not None and area.level in (CITY, *ABOVE_CITY):
            break
        at = areas.registry().parent(at)
    return found


def functional(within: str, name: str) -> str:
    """Key of an area without a code, below the area that it lies in."""
    return f"{within}/{name}"


def tree_of(root: str, known: Iterable[tuple[str, str | None]]) -> Tree:
    """`known`: keys of areas that have figures, each with the area it lies in where its code does not tell."""
    area = areas.get(root)
    sums = area is not None and area.level not in ABOVE_CITY
    children: dict[str, set[str]] = defaultdict(set)
    if sums:
        for key, within in known:
            at = key
            parent = within if within is not None else areas.registry().parent(at)
            while parent is not None and at != root:
                children[parent].add(at)
                at, parent = parent, areas.registry().parent(parent)
    return Tree(
        root=root,
        children={parent: sorted(below) for parent, below in children.items()},
        counties_on=lambda day: _counties(root, day),
        successors=lambda code: _successors(code),
        sums=sums,
    )


@cache
def _counties(root: str, day: date) -> tuple[Place, ...]:
    area = areas.get(root)
    if area is not None and area.level == COUNTY:
        return (Place(area.code, area.name, area.name),)
    return tuple(
        Place(each.code, each.name, each.name) for each in areas.children(root, on=day) if each.level == COUNTY
    )


@cache
def _successors(code: str) -> frozenset[str]:
    return frozenset(each.code for each in areas.successors(code)) - {code}


@cache
def lies_within(code: str, ancestor: str) -> bool:
    return areas.is_within(code, ancestor)
