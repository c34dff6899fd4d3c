"""`pinzhi events`, `pinzhi topics`: what an operator sees and does about events, without a running service.

The same is there over HTTP (`/v1/<service>/events/...`) for staff with the role `administrator`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from deploy.cli.database import check
from deploy.cli.errors import CliError
from deploy.cli.maintenance import DataDir, Postgres, services_here, url_of
from deploy.cli.serve import check_service, load, settings_of

T = TypeVar("T")
events = typer.Typer(no_args_is_help=True, help="Events: what waits, what failed, retry, skip, replay")
dead = typer.Typer(no_args_is_help=True, help="Dead letters: events that wait for a decision")
events.add_typer(dead, name="dead")
topics = typer.Typer(no_args_is_help=True, help="Topics of the topology on a Kafka")

Bus = Annotated[str, typer.Option(envvar="PINZHI_BUS_URL", help="Bus other than the embedded one")]
Name = Annotated[str, typer.Argument(help="indicators, credit, traceability or gateway")]


@events.command("lag")
def lag(data_dir: DataDir = Path("var"), postgres: Postgres = "", bus: Bus = "") -> None:
    """For each service: unsent outbox rows with the age of the oldest, unread records, dead letters."""
    from shared.bus import dead_letters
    from shared.bus.relay import pending

    async def look(platform: Any) -> str:
        waiting = await pending(platform)
        behind = await platform.bus.lag(platform.consumer.name, platform.consumer.topics)
        async with platform.read() as session:
            letters = await dead_letters.open_count(session, platform.consumer.name)
        return (
            f"outbox {waiting['pending']:.0f} (oldest {waiting['oldest_seconds']:.0f} s)\t"
            f"unread {sum(behind.values())}\tdead letters {letters}"
        )

    for service in services_here(postgres):
        print(f"{service.name}\t{_with(service.name, look, data_dir, postgres, bus)}", flush=True)


@dead.command("list")
def dead_list(
    service: Name,
    state: Annotated[str, typer.Option(help="failed, parked, gap, skipped or applied; empty for all")] = "",
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
) -> None:
    """Newest first: id, state, source, key, sequence, type, tries, error."""
    from shared.bus import dead_letters

    async def look(platform: Any) -> list[Any]:
        async with platform.read() as session:
            return await dead_letters.page(session, state=state or None, after=None, limit=1000)

    for row in _with(service, look, data_dir, postgres, "memory:"):
        error = row.error.splitlines()[0][:120] if row.error else ""
        print(
            "\t".join(map(str, (row.id, row.state, row.source, row.key, row.sequence, row.type, row.attempts, error)))
        )


@dead.command("show")
def dead_show(service: Name, letter_id: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """One dead letter with its data."""

    async def look(platform: Any) -> Any:
        return await _letter(platform, letter_id)

    found = _with(service, look, data_dir, postgres, "memory:")._asdict()
    row = {str(name): value for name, value in found.items()}
    row["data"] = row["data"].decode("utf-8", "replace")
    print(orjson.dumps(row, option=orjson.OPT_INDENT_2, default=str).decode())


@dead.command("retry")
def dead_retry(service: Name, letter_id: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """Apply the waiting events of the letter's key again, in order, until one fails."""

    async def act(platform: Any) -> int:
        row = await _letter(platform, letter_id)
        count: int = await platform.consumer.retry((row.source, row.key))
        return count

    print(f"{_with(service, act, data_dir, postgres, 'memory:')} applied")


@dead.command("skip")
def dead_skip(service: Name, letter_id: str, data_dir: DataDir = Path("var"), postgres: Postgres = "") -> None:
    """Give the first waiting event of a key up for good; those behind it are applied."""

    async def act(platform: Any) -> None:
        await _letter(platform, letter_id)
        if not await platform.consumer.skip(letter_id):
            raise CliError("only the first waiting event of a key can be skipped")

    _with(service, act, data_dir, postgres, "memory:")
    print(f"{letter_id} skipped")


@events.command("replay")
def replay(service: Name, data_dir: DataDir = Path("var"), postgres: Postgres = "", bus: Bus = "") -> None:
    """Rebuild a service's projections from the log, in one transaction."""
    from shared.bus.replay import replay as rebuild

    print("Rebuilding ...", flush=True)
    print(f"{_with(service, rebuild, data_dir, postgres, bus)} events applied")


@topics.command("create")
def create(
    bus: Annotated[
        str, typer.Argument(envvar="PINZHI_BUS_URL", help="kafka://host:port[,host:port][/prefix], kafka+ssl:// ...")
    ],
    services: Annotated[
        Path | None, typer.Option(help="Also make the services' users; folder of their passwords, kafka_<service>")
    ] = None,
) -> None:
    """Create the topics that are not there yet: partitions and retention from the topology, at most three copies."""
    from deploy.cli.prepare import make_topics

    kafka_access(bus)
    try:
        made = asyncio.run(make_topics(bus))
        if services is not None:
            asyncio.run(_add_services(bus, services))
    except Exception as error:  # the client has many kinds, and each says the same to an operator
        raise CliError(f"{bus}: {type(error).__name__}: {error}") from error
    print(f"created: {', '.join(made)}" if made else "all topics are there already")


async def _add_services(bus: str, folder: Path) -> None:
    """One broker's user for each service, with what the topology grants it."""
    from deploy.access import of_services, service_user
    from deploy.broker import grant, set_users
    from deploy.topology import SERVICES

    access = kafka_access(bus)
    passwords = {}
    for service in SERVICES:
        file = folder / f"kafka_{service.name}"
        passwords[service_user(service.name)] = (await asyncio.to_thread(file.read_text, "utf-8")).strip()
    await set_users(access, passwords)
    await grant(access, of_services(access.prefix))


def kafka_access(bus: str) -> Any:
    """How the Kafka at `bus` is reached, with this environment's `PINZHI_KAFKA_*`. Raises CliError."""
    from shared.bus.kafka_access import KafkaAccess

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says is told by us, in one line
    try:
        return KafkaAccess.of(bus).checked()
    except ValueError as error:
        raise CliError(str(error)) from error


async def _letter(platform: Any, letter_id: str) -> Any:
    from shared.bus import dead_letters

    async with platform.read() as session:
        row = await dead_letters.find(session, letter_id)
    if row is None:
        raise CliError(f"no dead letter {letter_id}")
    return row


def _with(name: str, use: Callable[[Any], Awaitable[T]], data_dir: Path, postgres: str, bus: str) -> T:
    """Run `use` with the service's platform, whose background tasks are not started."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    service = check_service(name)
    url = url_of(service, data_dir, postgres)
    check(url)

    async def run() -> T:
        settings = settings_of(
            service, data_dir=data_dir, database_url=url, log_level="error", **({"bus_url": bus} if bus else {})
        )
        platform = load(service.factory)(settings).platform
        try:
            await platform.start_bus()
            return await use(platform)
        finally:
            await platform.bus.close()
            await platform.db.close()

    try:
        return asyncio.run(run())
    except (OperationalError, ProgrammingError, OSError) as error:
        raise CliError(f"{service.name}: database or bus cannot be reached: {str(error).splitlines()[0]}") from error
