"""Set-based writes do the same on both databases."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import DBAPIError

from shared.db import Database, tables
from shared.db.errors import is_transient
from shared.db.sql import insert_rows, upsert
from shared.db.types import Fixed
from shared.web.problems import as_platform_error
from tests.support.databases import Backend

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
KEY = ["consumer", "source", "key"]
inbox = tables.inbox


def row(key: str, sequence: int = 1, **changed: Any) -> dict[str, Any]:
    made = {"consumer": "c", "source": "s", "key": key, "sequence": sequence, "applied_at_event_time": AT}
    return made | changed


async def test_rows_are_inserted_ignored_and_updated(backend: Backend) -> None:
    database = Database(backend.url("credit"))
    try:
        async with database.write_session() as session, session.begin():
            assert await insert_rows(session, inbox, [row("b"), row("a", 2)]) == 2
            assert await insert_rows(session, inbox, [row("b", 9), row("c"), row("c", 8)], ignore=True) == 1
            await upsert(session, inbox, [row("d", 4), row("a", 3)], key=KEY)
            await upsert(session, inbox, [row("e", 5), row("e", 6), row("d", 7)], key=KEY)
            await upsert(session, inbox, [row("b", 5), row("f", 1)], key=KEY, update=["applied_at_event_time"])
            await upsert(session, inbox, [row("b", 5)], key=KEY, update=[])
            assert await insert_rows(session, inbox, []) == 0
            found = await session.execute(select(inbox).order_by(inbox.c.key))
            rows = {each.key: (each.sequence, each.applied_at_event_time) for each in found}
        assert rows == {key: (n, AT) for key, n in {"a": 3, "b": 1, "c": 1, "d": 7, "e": 6, "f": 1}.items()}
    finally:
        await database.close()


async def test_what_a_column_cannot_hold_is_refused(backend: Backend) -> None:
    if backend.kind == "sqlite":
        return  # it has no lengths
    database = Database(backend.url("credit"))
    try:
        for wrong in (row("x" * 201), row("x", source=None), row("\0")):
            async with database.write_session() as session:
                with pytest.raises(DBAPIError):
                    await insert_rows(session, inbox, [row("a"), wrong])
    finally:
        await database.close()


NUMBERS = MetaData()
numbers = Table(
    "numbers",
    NUMBERS,
    Column("id", Integer, primary_key=True),
    Column("amount", Fixed(6)),
    Column("count", BigInteger),
)
MOST = Decimal("9223372036854.775807")


async def test_a_number_that_a_column_cannot_hold_is_the_same_error_on_both(backend: Backend) -> None:
    database = Database(backend.bare(NUMBERS))
    try:
        async with database.write_session() as session, session.begin():
            for number, amount in enumerate((MOST, -MOST)):
                await session.execute(insert(numbers).values(id=number, amount=amount, count=2**63 - 1))
            found = (await session.execute(select(numbers.c.amount).order_by(numbers.c.id))).scalars()
            assert list(found) == [MOST, -MOST] == [Fixed(6).largest, -Fixed(6).largest]
        least = Decimal("0.000001")
        for wrong in ({"amount": MOST + least}, {"amount": -MOST - least}, {"count": 2**63}, {"count": -(2**70)}):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
                async with database.write_session() as session, session.begin():
                    await session.execute(insert(numbers).values(id=9, **wrong))
            assert not is_transient(caught.value)
            problem = as_platform_error(caught.value)
            assert (problem.status, problem.code) == (400, "number"), caught.value
    finally:
        await database.close()


async def test_a_sum_that_a_column_cannot_hold_is_no_matter_of_characters(backend: Backend) -> None:
    """Made in the database itself, which SQLite does in floating point."""
    if backend.kind == "sqlite":
        return
    database = Database(backend.bare(NUMBERS))
    try:
        async with database.write_session() as session, session.begin():
            await session.execute(insert(numbers).values(id=1, count=2**63 - 1))
        with pytest.raises(DBAPIError) as caught:
            async with database.write_session() as session, session.begin():
                await session.execute(numbers.update().values(count=numbers.c.count + 1))
        assert as_platform_error(caught.value).code == "number"
    finally:
        await database.close()
