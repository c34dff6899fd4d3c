"""Set membership that both databases take in one statement of constant text."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, String, any_, bindparam

from shared.db import AsyncSession
from shared.db.sql import dialect_of


def among(session: AsyncSession, column: Column[Any], values: Collection[str]) -> ColumnElement[bool]:
    """`column` is one of `values`: one array parameter on PostgreSQL, so that its plan is prepared once."""
    if dialect_of(session) == "postgresql":
        return column == any_(bindparam(None, sorted(values), type_=ARRAY(String)))
    return column.in_(sorted(values))


def area_prefix(code: str) -> str:
    """The digits that every area within `code` begins with: 370600 -> 3706, 370000 -> 37, 100000 (all) -> nothing."""
    if code == "100000":
        return ""
    for zeros, length in (("0000", 2), ("00", 4)):
        if len(code) == 6 and code.endswith(zeros):
            return code[:length]
    return code
