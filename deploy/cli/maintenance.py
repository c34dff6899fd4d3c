"""`pinzhi migrate`, `pinzhi audit verify`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from deploy import topology
from deploy.cli import database
from deploy.cli.errors import CliError, check_files
from deploy.cli.serve import check_service

audit = typer.Typer(no_args_is_help=True, help="The hash-chained audit log")

DataDir = Annotated[Path, typer.Option(help="Data directory of a laptop installation")]
Postgres = Annotated[str, typer.Option(envvar="PINZHI_POSTGRES", help="postgresql://user@host:port")]


def services_here(postgres: str) -> tuple[topology.Service, ...]:
    """All services, or the one whose database `PINZHI_DATABASE_URL` names, as in its container. Raises CliError."""
    from sqlalchemy.engine import make_url

    from shared.db.address import is_postgres

    single = os.environ.get("PINZHI_DATABASE_URL")
    if not single or postgres:
        return topology.SERVICES
    held = database.address_of(single).database if is_postgres(single) else make_url(single).database
    name = Path(held or "").stem
    here = tuple(service for service in topology.SERVICES if service.database == name)
    if not here:
        known = ", ".join(service.database for service in topology.SERVICES)
        raise CliError(f"PINZHI_DATABASE_URL names the database {name!r}, which is no service's; there are: {known}")
    return here


def url_of(service: topology.Service, data_dir: Path, postgres: str) -> str:
    """The service's database: `PINZHI_DATABASE_URL` when this process is for that one service, else as `pinzhi up`."""
    single = os.environ.get("PINZHI_DATABASE_URL")
    if single and not postgres:
        from deploy.cli.serve import settings_of

        return settings_of(service).resolved_database_url(service.name)
    if postgres:
        return database.of_server(postgres, service.database)
    check_files([(service.name, data_dir / f"{service.database}.db")])
    return f"sqlite:///{data_dir / service.database}.db"


def migrate(
    service: Annotated[str, typer.Argument(help="One service, or nothing for all of this environment")] = "",
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
) -> None:
    """Bring the databases to the newest schema."""
    from shared.db.migrate import upgrade

    for each in [check_service(service)] if service else services_here(postgres):
        print(f"{each.name} ...", flush=True)
        url = url_of(each, data_dir, postgres)
        with database.explained(url):
            upgrade(each.name, url)


@audit.command("verify")
def verify(data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """Check the chain of every service's log. Needs no running service; works on copies of the databases."""
    broken = asyncio.run(_verify_all(data_dir, postgres))
    if broken:
        raise CliError("; ".join(broken))


async def _verify_all(data_dir: Path, postgres: str) -> list[str]:
    from shared.audit import verify as verify_log
    from shared.db import Database

    broken = []
    for service in services_here(postgres):
        url = url_of(service, data_dir, postgres)
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            raise CliError(f"no database of {service.name} under {data_dir}; give --data-dir or --postgres")
        opened = Database(url)
        try:
            with database.explained(url):
                async with opened.read() as session:
                    count, wrong = await verify_log(session)
        finally:
            await opened.close()
        print(f"{service.name}: {count} entries hold" + (f", then: {wrong}" if wrong else ""), flush=True)
        if wrong:
            broken.append(f"{service.name}: {wrong}")
    return broken
