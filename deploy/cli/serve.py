"""Runs one service under uvicorn in this process."""

import importlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy import topology
from deploy.cli import database
from deploy.cli.datadir import close_to_others
from deploy.cli.errors import CliError, check_files
from shared import collector
from shared.settings import ServiceSettings


def check_service(name: str) -> topology.Service:
    try:
        return topology.service(name)
    except KeyError as error:
        known = ", ".join(each.name for each in topology.SERVICES)
        raise CliError(f"no service {name!r}; there are: {known}") from error


def load(path: str) -> Any:
    """The object at `module:name`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def settings_of(service: topology.Service, **values: Any) -> ServiceSettings:
    """Settings from the environment. A broken one is named with its variable."""
    try:
        settings: ServiceSettings = load(service.settings)(**values)
    except ValidationError as error:
        first = error.errors()[0]
        variable = "PINZHI_" + "_".join(map(str, first["loc"])).upper()
        raise CliError(f"setting {variable}={first['input']!r}: {first['msg']}") from error
    return settings


def check_bus(settings: ServiceSettings) -> None:
    """Whether the bus that is named is one that there is. Connects to nothing."""
    from shared.bus import open_bus

    try:
        open_bus(settings.resolved_bus_url())
    except ValueError as error:
        named = str(error).startswith("PINZHI_")
        raise CliError(f"setting {'' if named else 'PINZHI_BUS_URL: '}{error}") from error


def check_areas(settings: ServiceSettings) -> None:
    """Read the imported areas. In `pinzhi up` that is before the fork, so that the services share them."""
    from shared.reference import areas

    try:
        areas.use(settings.resolved_areas())
    except areas.BrokenFile as error:
        raise CliError(str(error)) from error


def files_of(service: topology.Service, settings: ServiceSettings) -> list[tuple[str, Path]]:
    """`(service or "bus", file)` of what one service keeps in SQLite."""
    kept = (service.name, settings.resolved_database_url(service.name)), ("bus", settings.resolved_bus_url())
    return [(name, Path(url.partition(":")[2].removeprefix("///"))) for name, url in kept if url.startswith("sqlite:")]


def serve_here(service: topology.Service, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT; requests under way are finished first."""
    import uvicorn

    from shared.web.server import uvicorn_config

    settings = settings_of(service)
    check_bus(settings)
    check_areas(settings)
    check_files(files_of(service, settings))
    database.check(settings.resolved_database_url(service.name))
    close_to_others(settings.data_dir)
    app = load(service.factory)(settings)
    config = uvicorn_config(app, settings, host=host, port=port)
    collector.settle()
    server = uvicorn.Server(config)
    try:
        server.run()
    except SystemExit as error:
        if server.started:
            raise
        why = app.platform.failing.get("start", "its log tells why")
        raise CliError(f"{service.name} could not start; {why}") from error
    if not server.started:
        raise CliError(f"{service.name} could not start; {app.platform.failing.get('start', 'its log tells why')}")
