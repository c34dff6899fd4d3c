"""Figures of an area, as a condition of a statement."""

from typing import Any

from shared.area_scope import within
from shared.reference import areas

ABOVE_CITY = ("国家级", "省级")


def covers(column: Any, root: str) -> Any:
    """`column` is a code whose figures count for `root`: its own, and up to the city those of all below it. Above the
    city only its own: a national figure is never made of the cities that happen to be here."""
    area = areas.get(root)
    return column == root if area is None or area.level in ABOVE_CITY else within(column, root)
