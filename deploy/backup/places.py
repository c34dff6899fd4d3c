"""What an installation consists of: the databases of the services, the log, and the files beside them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy import topology
from deploy.cli import database
from deploy.cli.errors import CliError
from deploy.cli.serve import settings_of
from shared.db.address import is_postgres, with_database
from shared.settings import ServiceSettings

FILES = ("keys", "attachments", "reference")
"""Folders of a data directory whose files belong to a backup."""
FOLDERS = tuple((home, name) for home in ("", *(service.name for service in topology.SERVICES)) for name in FILES)
"""`(service, folder)`: with a service where each has a volume of its own."""
LOG_FILE = "bus.db"
"""What the embedded log is called in a backup, wherever it is kept."""


@dataclass(frozen=True)
class Places:
    """`urls`: service -> address of its database."""

    data_dir: Path
    urls: dict[str, str]
    bus_url: str
    reference: Path

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]:
        """`sqlite` or `postgresql`, the same for all services."""
        return "sqlite" if all(url.startswith("sqlite") for url in self.urls.values()) else "postgresql"

    @property
    def log_kind(self) -> str:
        return "sqlite" if self.bus_url.startswith("sqlite:") else "kafka"

    def sqlite_file(self, service: str) -> Path:
        return Path(self.urls[service].removeprefix("sqlite:///"))

    @property
    def log_file(self) -> Path:
        return Path(self.bus_url.removeprefix("sqlite:"))

    def folders(self) -> Iterator[tuple[str, Path]]:
        """`(name in a backup, folder)` of the files. Where each service has a volume of its own, they are mounted as
        `<data_dir>/<service>`, and its folders are found there."""
        for home, name in FOLDERS:
            folder = self.reference if (home, name) == ("", "reference") else self.data_dir / home / name
            yield folder_in_backup(home, name), folder


def places(data_dir: Path, postgres: str, bus: str) -> Places:
    """From the options of a command and the environment of a service (`PINZHI_DATABASE_URL` names one database; the
    others stand beside it on the same server). Raises CliError."""
    settings = _settings(data_dir, bus)
    single = os.environ.get("PINZHI_DATABASE_URL", "")
    urls: dict[str, str] = {}
    for service in topology.SERVICES:
        if postgres:
            urls[service.name] = database.of_server(postgres, service.database)
        elif single:
            one = settings.resolved_database_url(service.name)
            if is_postgres(one):
                urls[service.name] = with_database(one, service.database)
            else:
                beside = Path(one.removeprefix("sqlite:///")).with_name(f"{service.database}.db")
                urls[service.name] = f"sqlite:///{beside}"
        else:
            urls[service.name] = f"sqlite:///{data_dir / service.database}.db"
    bus_url = settings.resolved_bus_url()
    if bus_url.startswith("memory:"):
        raise CliError("总线 memory: 不保存任何内容 / the bus memory: keeps nothing; name the bus with --bus")
    reference = settings.resolved_areas().parent
    return Places(data_dir, urls, bus_url, reference)


def _settings(data_dir: Path, bus: str) -> ServiceSettings:
    from deploy.cli.serve import check_bus

    more = {"bus_url": bus} if bus else {}
    settings = settings_of(topology.SERVICES[0], data_dir=data_dir, **more)
    check_bus(settings)
    return settings


def folder_in_backup(home: str, name: str) -> str:
    return f"{home}/{name}" if home else name


def files_under(folder: Path) -> list[Path]:
    """Every whole file, in order; what is still being written (`.part-…`) is left out."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".part-"))
