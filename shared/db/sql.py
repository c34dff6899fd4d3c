"""Set-based writes that read the same on both databases.

PostgreSQL takes all rows with one statement, one array for each column: a prepared statement that is executed row by
row costs several times that, on both sides.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Dialect, String, Table, any_, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from shared.db.session import AsyncSession

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]


def dialect_of(session: AsyncSession) -> str:
    return session.get_bind().dialect.name


def among(session: AsyncSession, column: Any, values: Collection[str]) -> Any:
    """`column` is one of `values`: one array parameter on PostgreSQL, so that its plan is prepared once."""
    if dialect_of(session) == "postgresql":
        return column == any_(bindparam(None, sorted(values), type_=ARRAY(String)))
    return column.in_(sorted(values))


CHUNK = 1_000
"""Values that one statement names: more of them take the event loop longer than a statement more does."""


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The different values in their order, as many at a time as a statement takes. Written in this order, two writers
    never wait for each other in a circle."""
    ordered = sorted(set(values))  # type: ignore[type-var]
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


NAMES = "names"
"""The parameter of `among_names`."""


def among_names(column: Any) -> Any:
    """`column` is one of the names that the statement is executed with: to build such a statement anew for each
    execution costs as much as to execute it."""
    return column.in_(bindparam(NAMES, expanding=True))


def table_of(model: type[SQLModel] | Table) -> Table:
    """The table under a model: columns by name for statements that take rows, not objects."""
    return model if isinstance(model, Table) else model.__table__  # type: ignore[attr-defined]


async def insert_rows(session: AsyncSession, model: type[SQLModel] | Table, rows: Rows, *, ignore: bool = False) -> int:
    """Insert rows; how many. With `ignore`, rows that exist already are left alone."""
    if not rows:
        return 0
    table = table_of(model)
    if dialect_of(session) == "postgresql":
        return await _unnest(session, table, rows, "ON CONFLICT DO NOTHING" if ignore else "")
    statement = sqlite.insert(table)
    result = await session.execute(statement.on_conflict_do_nothing() if ignore else statement, list(rows))
    return int(result.rowcount)


async def upsert(
    session: AsyncSession,
    model: type[SQLModel] | Table,
    rows: Rows,
    *,
    key: Iterable[str],
    update: Iterable[str] | None = None,
) -> None:
    """Insert rows, or update the columns `update` (default: all that the rows have beside `key`) of those that exist.

    Rows are written in key order, so that two writers of the same rows never wait for each other in a circle.
    """
    if not rows:
        return
    table, key = table_of(model), list(key)
    columns = list(update) if update is not None else [name for name in rows[0] if name not in key]
    ordered = sorted(rows, key=lambda row: tuple(str(row[name]) for name in key))
    once = len({tuple(row[name] for name in key) for row in rows}) == len(rows)
    # One statement cannot update a row twice; where a key comes again, its rows are written one after the other.
    if once and dialect_of(session) == "postgresql":
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns)
        names = ", ".join(f'"{name}"' for name in key)
        await _unnest(
            session, table, ordered, f"ON CONFLICT ({names}) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
        )
        return
    statement = (postgresql if dialect_of(session) == "postgresql" else sqlite).insert(table)
    if columns:
        statement = statement.on_conflict_do_update(
            index_elements=key, set_={name: statement.excluded[name] for name in columns}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    await session.execute(statement, ordered)


async def _unnest(session: AsyncSession, table: Table, rows: Rows, conflict: str) -> int:
    names = tuple(rows[0])
    connection = await session.connection()
    statement, processors = _unnest_statement(table, names, connection.dialect)
    arrays = tuple(
        [row[name] for row in rows] if process is None else [process(row[name]) for row in rows]
        for name, process in zip(names, processors, strict=True)
    )
    return (await connection.exec_driver_sql(f"{statement} {conflict}", arrays)).rowcount


@lru_cache(maxsize=500)
def _unnest_statement(
    table: Table, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, list[Callable[[Any], Any] | None]]:
    """`INSERT ... SELECT FROM unnest(...)`, and what turns the values of each column into the driver's."""
    columns = [table.c[name] for name in names]
    assert not any(column.default for column in table.c if column.name not in names), "a default would be left out"
    # Without lengths: a cast to varchar(9) would cut a longer text off, the column itself refuses it.
    kinds = [re.sub(r"\(.*?\)", "", column.type.compile(dialect)) for column in columns]
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds, 1))
    listed = ", ".join(f'"{name}"' for name in names)
    statement = f'INSERT INTO "{table.name}" ({listed}) SELECT * FROM unnest({arrays})'  # noqa: S608 - names of columns
    return statement, [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
