"""Set-based writes that read the same on both databases."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from shared.db.session import AsyncSession

Rows = Sequence[Mapping[str, Any]]


def dialect_of(session: AsyncSession) -> str:
    return session.get_bind().dialect.name


def _table(model: type[SQLModel] | Table) -> Table:
    return model if isinstance(model, Table) else model.__table__  # type: ignore[attr-defined]


def _insert(session: AsyncSession, table: Table) -> Any:
    return (postgresql if dialect_of(session) == "postgresql" else sqlite).insert(table)


async def insert_rows(
    session: AsyncSession, model: type[SQLModel] | Table, rows: Rows, *, ignore: bool = False
) -> None:
    """Insert rows with one prepared statement (executemany). With `ignore`, rows that exist already are left alone."""
    if not rows:
        return
    table = _table(model)
    statement = _insert(session, table).on_conflict_do_nothing() if ignore else insert(table)
    await session.execute(statement, list(rows))


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
    table, key = _table(model), list(key)
    columns = list(update) if update is not None else [name for name in rows[0] if name not in key]
    statement = _insert(session, table)
    if columns:
        statement = statement.on_conflict_do_update(
            index_elements=key, set_={name: statement.excluded[name] for name in columns}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    await session.execute(statement, sorted(rows, key=lambda row: tuple(str(row[name]) for name in key)))


async def next_sequences(session: AsyncSession, counts: Mapping[str, int]) -> dict[str, int]:
    """Take `counts[key]` numbers for each key; the first number taken is returned for each.

    One statement, keys in sorted order: the row locks that it takes are held until commit, so the order of numbers is
    the order of commits, and no number is lost but by rollback (which gives it back).
    """
    keys = sorted(counts)
    if dialect_of(session) == "postgresql":
        result = await session.execute(
            text(
                "INSERT INTO outbox_sequence AS s (key, last) "
                "SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:counts AS bigint[])) ORDER BY 1 "
                "ON CONFLICT (key) DO UPDATE SET last = s.last + excluded.last RETURNING key, last"
            ),
            {"keys": keys, "counts": [counts[key] for key in keys]},
        )
        return {key: last - counts[key] + 1 for key, last in result}
    first: dict[str, int] = {}
    for start in range(0, len(keys), 400):
        chunk = keys[start : start + 400]
        values = ", ".join(f"(:k{i}, :n{i})" for i in range(len(chunk)))
        parameters: dict[str, Any] = {f"k{i}": key for i, key in enumerate(chunk)}
        parameters |= {f"n{i}": counts[key] for i, key in enumerate(chunk)}
        result = await session.execute(
            text(
                f"INSERT INTO outbox_sequence (key, last) VALUES {values} "  # noqa: S608 - placeholders only
                "ON CONFLICT (key) DO UPDATE SET last = outbox_sequence.last + excluded.last RETURNING key, last"
            ),
            parameters,
        )
        first |= {key: last - counts[key] + 1 for key, last in result}
    return first
