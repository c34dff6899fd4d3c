"""Sets of keys, as statements take them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, Column, Select, String, bindparam, func, literal_column, select, true

from shared.db import AsyncSession
from shared.db.sql import among, dialect_of

__all__ = ["among", "for_each"]


def for_each(session: AsyncSession, rows: Select[Any], column: Column[Any], values: Collection[str]) -> Select[Any]:
    """`rows` whose `column` is one of the different `values`: PostgreSQL asks an index once for each value, also where
    it has no statistics and so takes a key that is unique only together with another column for a frequent one."""
    if dialect_of(session) != "postgresql":
        return rows.where(column.in_(sorted(values)))
    wanted = func.unnest(bindparam(None, sorted(values), type_=ARRAY(String))).table_valued("value").render_derived()
    row = rows.where(column == wanted.c.value).offset(literal_column("0")).lateral("row")  # the OFFSET keeps it a loop
    return select(row).select_from(wanted).join(row, true())
