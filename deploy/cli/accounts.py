"""`pinzhi clients|users`: who may get tokens from the embedded issuer. Works on the gateway's database."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from deploy import topology
from deploy.cli.errors import CliError
from deploy.cli.maintenance import DataDir, Postgres, url_of

clients = typer.Typer(no_args_is_help=True, help="Clients: departments' systems and enterprises")
users = typer.Typer(no_args_is_help=True, help="Users: staff of departments")

T = TypeVar("T")
List = list[str]
Use = Callable[[Any], Awaitable[T]]


@clients.command("add")
def add_client(
    client_id: str,
    name: Annotated[str, typer.Option(help="Shown in audit and receipts")],
    kind: Annotated[str, typer.Option(help="department or enterprise")],
    department: Annotated[str | None, typer.Option(help="Code of the department")] = None,
    area: Annotated[str | None, typer.Option(help="Area code; the client may write in it and below")] = None,
    uscc: Annotated[str | None, typer.Option(help="USCC of an enterprise client")] = None,
    scope: Annotated[List, typer.Option(help="May be given several times")] = [],  # noqa: B006 - typer copies it
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
) -> None:
    """Add a client and print its secret, once."""
    from services.gateway.issuer import service
    from services.gateway.issuer.schemas import NewClient

    values = {"client_id": client_id, "name": name, "kind": kind, "department": department, "area": area, "uscc": uscc}
    new = _checked(NewClient, values | {"scopes": scope})
    print(_write(lambda uow: service.add_client(uow, new), data_dir, postgres))


@users.command("add")
def add_user(
    username: str,
    name: Annotated[str, typer.Option(help="The person's name")],
    department: Annotated[str, typer.Option(help="Code of the department")],
    area: Annotated[str, typer.Option(help="Area code")],
    role: Annotated[List, typer.Option(help="May be given several times")],
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
) -> None:
    """Add a user and print the password, once."""
    from services.gateway.issuer import service
    from services.gateway.issuer.schemas import NewUser

    values = {"username": username, "name": name, "department": department, "area": area, "roles": role}
    new = _checked(NewUser, values)
    print(_write(lambda uow: service.add_user(uow, new), data_dir, postgres))


@clients.command("list")
def list_clients(data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """All clients, without their secrets."""
    from services.gateway.issuer import service

    for each in _read(service.list_clients, data_dir, postgres):
        belongs = each.uscc or f"{each.department} {each.area}"
        print("\t".join([each.client_id, each.kind, belongs, " ".join(each.scopes), _state(each), each.name]))


@users.command("list")
def list_users(data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """All users."""
    from services.gateway.issuer import service

    for each in _read(service.list_users, data_dir, postgres):
        print(
            "\t".join([each.username, f"{each.department} {each.area}", " ".join(each.roles), _state(each), each.name])
        )


@clients.command("rotate")
def rotate_client(client_id: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """Give a client a new secret and print it; the former one ends at once."""
    from services.gateway.issuer import service

    print(_write(lambda uow: service.rotate_client(uow, client_id), data_dir, postgres))


@users.command("rotate")
def rotate_user(username: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """Give a user a new password and print it."""
    from services.gateway.issuer import service

    print(_write(lambda uow: service.rotate_user(uow, username), data_dir, postgres))


@clients.command("change")
def change_client(
    client_id: str,
    name: Annotated[str | None, typer.Option(help="Shown in audit and receipts")] = None,
    department: Annotated[str | None, typer.Option(help="Code of the department")] = None,
    area: Annotated[str | None, typer.Option(help="Area code; the client may write in it and below")] = None,
    scope: Annotated[List | None, typer.Option(help="May be given several times; replaces all it has")] = None,
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
) -> None:
    """Change what a client may do, from now on. What it sent before is judged by what held then."""
    from services.gateway.issuer import service
    from services.gateway.issuer.schemas import ClientChange

    given = {"name": name, "department": department, "area": area, "scopes": scope or None}
    values = {key: value for key, value in given.items() if value is not None}
    if not values:
        raise CliError("nothing to change; give --name, --department, --area or --scope")
    change = _checked(ClientChange, values)
    _write(lambda uow: service.change_client(uow, client_id, change), data_dir, postgres)
    print(f"{client_id} changed")


@clients.command("revoke")
def revoke_client(client_id: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """No further tokens for this client; those that it has are void everywhere within a second."""
    from services.gateway.issuer import service

    _write(lambda uow: service.revoke_client(uow, client_id), data_dir, postgres)
    print(f"{client_id} revoked")


@users.command("revoke")
def revoke_user(username: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """No further tokens for this user; those that it has are void everywhere within a second."""
    from services.gateway.issuer import service

    _write(lambda uow: service.revoke_user(uow, username), data_dir, postgres)
    print(f"{username} revoked")


def _state(account: Any) -> str:
    return "revoked" if account.revoked_at else "demo" if account.demo else "active"


def _checked(model: Any, values: dict[str, Any]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = [f"--{'.'.join(map(str, item['loc'])) or 'client'}: {item['msg']}" for item in error.errors()]
        raise CliError("; ".join(wrong)) from error


def gateway_platform(data_dir: Path, postgres: str) -> Any:
    """The gateway's platform without its background tasks, for one command."""
    from deploy.cli.serve import settings_of
    from services.gateway.app import create_app

    service = topology.service("gateway")
    url = url_of(service, data_dir, postgres)
    settings = settings_of(service, data_dir=data_dir, database_url=url, bus_url="memory:", log_level="error")
    return create_app(settings).platform  # type: ignore[arg-type]


def _write(use: Use[T], data_dir: Path, postgres: str) -> T:
    async def run() -> T:
        platform = gateway_platform(data_dir, postgres)
        try:
            async with platform.system_unit_of_work() as uow:
                result: T = await use(uow)
            return result
        finally:
            await platform.db.close()

    return _run(run)


def _read(use: Use[T], data_dir: Path, postgres: str) -> T:
    async def run() -> T:
        platform = gateway_platform(data_dir, postgres)
        try:
            async with platform.read() as session:
                result: T = await use(session)
            return result
        finally:
            await platform.db.close()

    return _run(run)


def _run(run: Callable[[], Awaitable[T]]) -> T:
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from shared.errors import PlatformError

    try:
        return asyncio.run(run())  # type: ignore[arg-type]
    except PlatformError as error:
        raise CliError(error.text.en) from error
    except (OperationalError, ProgrammingError) as error:
        raise CliError("the gateway's database is not there or behind; run `pinzhi migrate` first") from error
