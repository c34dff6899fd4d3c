"""Rows of an area, as a condition of a statement."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_


@dataclass(frozen=True, slots=True)
class Scope:
    """An area and all below it: codes with a prefix, and codes that do not follow the digits."""

    root: str
    prefix: str | None
    codes: tuple[str, ...]

    def covers(self, column: Any) -> ColumnElement[bool]:
        exact: ColumnElement[bool] = column.in_(self.codes)
        if self.prefix is None:
            return exact
        # a range, not LIKE: both databases use the index for it
        return or_(exact, and_(column >= self.prefix, column < str(int(self.prefix) + 1)))
