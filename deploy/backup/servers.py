"""What a restore does to a PostgreSQL server: databases that are made, filled beside the old ones, and put in place."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from shared.db import Database
from shared.db.address import with_database

_MAINTENANCE = "postgres"


async def execute(url: str, *statements: tuple[str, dict[str, Any]]) -> None:
    """One transaction."""
    database = Database(url, pool_size=1)
    try:
        async with database.writer.begin() as connection:
            for statement, values in statements:
                await connection.execute(text(statement), values)
    finally:
        await database.close()


async def _administer(url: str, *statements: str) -> None:
    """Statements that stand outside of transactions, in the server's own database."""
    database = Database(with_database(url, _MAINTENANCE), pool_size=1)
    try:
        async with database.writer.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await database.close()


async def _ask(url: str, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    database = Database(url, pool_size=1)
    try:
        async with database.read() as session:
            return [tuple(row) for row in await session.execute(text(statement), values)]
    finally:
        await database.close()


async def filled(urls: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """Those of the databases that have tables."""
    found = []
    for service, database in names.items():
        url = urls[service]
        if not await _ask(
            with_database(url, _MAINTENANCE), "SELECT 1 FROM pg_database WHERE datname = :name", name=database
        ):
            continue
        ((tables,),) = await _ask(url, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        if tables:
            found.append(database)
    return found


async def connected(urls: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """Databases to which somebody is connected."""
    found = []
    for service, url in urls.items():
        name = names[service]
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
        ((count,),) = await _ask(with_database(url, _MAINTENANCE), statement, name=name)
        if count:
            found.append(name)
    return found


async def create_anew(url: str, database: str) -> None:
    """What an earlier restore left under the name is dropped."""
    await _administer(url, f'DROP DATABASE IF EXISTS "{database}"', f'CREATE DATABASE "{database}" TEMPLATE template0')


async def put_in_place(url: str, beside: str, database: str) -> None:
    await _administer(url, f'DROP DATABASE IF EXISTS "{database}"', f'ALTER DATABASE "{beside}" RENAME TO "{database}"')
