"""A streaming standby of a private PostgreSQL, to be promoted when the first one is gone."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import postgres
from deploy.local.postgres import Postgres
from deploy.local.process import tied


@dataclass(frozen=True)
class Standby(Postgres):
    """Follows the first server until `promote`. `data` is its cluster."""

    data: Path

    def promote(self) -> None:
        """Returns when it takes writes."""
        tool = str(postgres.binaries() / "pg_ctl")
        subprocess.run(
            tied([tool, "promote", "-w", "-D", str(self.data)], user=postgres.server_user()),
            cwd="/",
            check=True,
            capture_output=True,
        )


@contextmanager
def following(primary: Postgres, name: str = "standby") -> Iterator[Standby]:
    """A standby of `primary`, which names itself `name` there (for `synchronous_standby_names`)."""
    user = postgres.server_user()
    with tempfile.TemporaryDirectory(prefix="pinzhi-standby-", dir="/tmp") as folder:
        home = Path(folder)
        postgres.give_to(user, home)
        where, _, port = primary.address.rpartition("@")[2].partition(":")
        source = f"host={where} port={port} user={postgres.USER} application_name={name}"
        command = [
            str(postgres.binaries() / "pg_basebackup"),
            "-D",
            str(home / "data"),
            "-d",
            source,
            "-R",
            "-c",
            "fast",
        ]
        subprocess.run(tied(command, user=user), cwd="/", check=True, capture_output=True)
        with postgres.running(home, fsync=True) as server:
            yield Standby(server.address, home / "data")
