"""The databases of a command: where each is, and whether it can be used, told before anything is started."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import topology
from deploy.cli.errors import CliError
from shared.db.address import Address, AddressError, is_postgres, with_database, with_parameter
from shared.db.reasons import POOLER, reason

_HONOURED = "plan_cache_mode"


def of_server(base: str, database: str) -> str:
    """One database of the server that `PINZHI_POSTGRES` or `--postgres` names."""
    url = with_database(base, database)
    pooler = os.environ.get("PINZHI_DATABASE_POOLER", "")
    return with_parameter(url, "pooler", pooler) if pooler and "pooler=" not in url else url


def of_service(service: topology.Service) -> str:
    """The service's database under `PINZHI_POSTGRES` or its file under `PINZHI_DATA_DIR`."""
    base = os.environ.get("PINZHI_POSTGRES", "")
    if base:
        return of_server(base, service.database)
    return f"sqlite:///{Path(os.environ.get('PINZHI_DATA_DIR', 'var')) / service.database}.db"


def address_of(url: str, setting: str = "PINZHI_DATABASE_URL") -> Address:
    """Raises CliError that names the setting and the part, never the password."""
    try:
        return Address.parse(url)
    except AddressError as error:
        raise CliError(f"setting {setting}: {error}") from error


@contextmanager
def explained(url: str) -> Iterator[None]:
    """What the database refuses inside ends as one line with the cause."""
    from asyncpg import PostgresError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, PostgresError, OSError, ValueError) as error:
        if not is_postgres(url):
            raise
        raise CliError(reason(address_of(url), error)) from error


def check(url: str) -> None:
    """Whether a service can work with a PostgreSQL that is named. Raises CliError; says nothing about SQLite."""
    if not is_postgres(url):
        return
    address = address_of(url)
    with explained(url):
        asyncio.run(_check(address))


async def _check(address: Address) -> None:

    connection = await address.connect({_HONOURED: "force_custom_plan"})
    try:
        if not address.pooler and await connection.fetchval(f"SHOW {_HONOURED}") != "force_custom_plan":
            raise CliError(f"PostgreSQL at {address}: a pooler stands before it and drops the session; {POOLER}")
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            raise CliError(
                f"PostgreSQL at {address}: the database is empty; run `pinzhi migrate`, or serve with --prepare"
            )
    finally:
        await connection.close()
