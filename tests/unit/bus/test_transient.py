"""What is tried again later, and what is parked: an event must not pay for a database that is busy."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.db.errors import is_transient


async def _error(engine: AsyncEngine, statement: str) -> SQLAlchemyError:
    with pytest.raises(SQLAlchemyError) as caught:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    return caught.value


async def test_a_pool_that_is_used_up_is_waited_for(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    async with engine.connect():
        assert is_transient(await _error(engine, "SELECT 1"))
    await engine.dispose()


async def test_a_lock_is_waited_for_and_a_broken_rule_is_not(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", connect_args={"timeout": 0.01})
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
        await connection.execute(text("INSERT INTO a VALUES (1)"))
    async with engine.connect() as holder:
        await holder.exec_driver_sql("BEGIN IMMEDIATE")
        assert is_transient(await _error(engine, "INSERT INTO a VALUES (2)"))
        await holder.exec_driver_sql("ROLLBACK")
    assert not is_transient(await _error(engine, "INSERT INTO a VALUES (1)"))
    await engine.dispose()


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError(), ConnectionResetError()])
def test_the_line_is_waited_for(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("missing"), ZeroDivisionError()])
def test_the_event_is_not(error: Exception) -> None:
    assert not is_transient(error)
