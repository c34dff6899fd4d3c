"""`pinzhi clients kafka`: a pair of topics and a broker's user for an enforcement unit that pushes on Kafka."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.cli.accounts import _read
from deploy.cli.errors import CliError
from deploy.cli.events import Bus, kafka_access
from deploy.cli.maintenance import DataDir, Postgres


def kafka(
    client_id: str,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the broker's user too; needs the operator's rights")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take user and rights away; the topics stay")] = False,
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
    bus: Bus = "",
) -> None:
    """Make a unit's pair of topics; print or run what lets its user, and nobody else, write the one and read the other.

    Reaches the broker as PINZHI_KAFKA_* say: topics, users and rights are made by the broker's operator.
    """
    _check_client(client_id, data_dir, postgres, removing=remove)
    if not bus or bus.startswith(("sqlite:", "memory:")):
        raise CliError("the embedded log has no users; give the Kafka with --bus kafka+sasl_ssl://host:port")
    access = kafka_access(bus)
    try:
        asyncio.run(_remove(access, client_id, apply) if remove else _make(access, client_id, apply))
    except (OSError, RuntimeError) as error:
        raise CliError(f"{error} (users and topics are made by the broker's operator: set PINZHI_KAFKA_*)") from error


def _check_client(client_id: str, data_dir: Path, postgres: str, *, removing: bool) -> None:
    from services.gateway.issuer import repository

    row: Any = _read(lambda session: repository.client(session, client_id), data_dir, postgres)
    if row is None:
        raise CliError(f"no client {client_id}; add it first with `pinzhi clients add`")
    if row.kind != "department":
        raise CliError(f"{client_id} is a client of an enterprise; only departments push violations")
    if row.revoked_at is not None and not removing:
        raise CliError(f"client {client_id} is revoked; what it sends would be refused")


async def _make(access: Any, client: str, apply: bool) -> None:
    from deploy.access import commands, of_unit, unit_group, unit_user
    from deploy.topics import brokers, create_topics
    from deploy.topology import topics_of_unit

    pair = [replace(topic, name=access.prefix + topic.name) for topic in topics_of_unit(client)]
    made = await create_topics(access, pair, replication=min(3, await brokers(access)))
    user, grants = unit_user(client), of_unit(client, access.prefix)
    print(f"created: {', '.join(made)}" if made else "both topics are there already")
    if apply:
        from deploy.broker import grant, set_users

        password = secrets.token_urlsafe(24)
        await set_users(access, {user: password})
        await grant(access, grants)
        print("the broker's user is made; its password is shown once, and a second --apply makes a new one")
    else:
        password = "PASSWORD"  # noqa: S105 - what the operator fills in
        print("\nfor the operator of the broker:\n")
        print(commands([user], grants, servers=access.servers))
        print()
    print(f"write    {pair[0].name}\nread     {pair[1].name}\ngroup    {access.prefix}{unit_group(client)}")
    print(f"user     {user}\npassword {password}")


async def _remove(access: Any, client: str, apply: bool) -> None:
    from deploy.access import removal_commands, unit_user

    if apply:
        from deploy.broker import drop_users

        await drop_users(access, [unit_user(client)])
        print(f"{unit_user(client)} is gone; its topics stay for their seven days")
    else:
        print(removal_commands([unit_user(client)], servers=access.servers))
