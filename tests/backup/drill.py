"""An installation as an operator has it: real services, the `pinzhi` command, clients that write and remember."""

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from chaos.history import Effect, Write
from deploy.backup.places import Places
from deploy.local.pinzhi import command, environment
from shared.bus.envelope import from_record
from shared.bus.epochs import epoch_of, in_epoch
from shared.bus.opening import open_bus
from shared.db import Database
from tests.e2e.running import SECONDS
from tests.upgrade.story import firm

SCOPES = ("credit:enterprises:write", "credit:violations:write")
KEYS = 6
BACKUP_POINTS = ("backup.held", "backup.pinned", "backup.before_manifest", "backup.before_rename")
CITY_POINTS = ("backup.table", "backup.partition", "restore.records")
RESTORE_POINTS = ("restore.before_swap", "restore.in_swap", "restore.before_end")
"""Where a backup and a restore are killed; those of the city need tables and partitions."""


def pinzhi(*arguments: str, failpoints: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    settings = environment() | {"PINZHI_FAILPOINTS": failpoints} | more
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=settings, timeout=SECONDS)


def done(result: "subprocess.CompletedProcess[str]") -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@dataclass
class Installation:
    """Where it is: the options that every command takes."""

    data_dir: Path
    postgres: str = ""
    bus: str = ""

    @property
    def options(self) -> list[str]:
        more = [*(["--postgres", self.postgres] if self.postgres else []), *(["--bus", self.bus] if self.bus else [])]
        return ["--data-dir", str(self.data_dir), *more]

    @property
    def up_options(self) -> list[str]:
        return self.options[2:]

    def places(self) -> Places:
        from deploy.backup.places import places

        return places(self.data_dir, self.postgres, self.bus)

    def add_client(self, name: str) -> str:
        """A client of a department; its secret."""
        given = ["--name", "演练单位", "--kind", "department", "--department", "yt-scjg", "--area", "370600"]
        scopes = [part for scope in SCOPES for part in ("--scope", scope)]
        where = ["--data-dir", str(self.data_dir), *(["--postgres", self.postgres] if self.postgres else [])]
        told = done(pinzhi("clients", "add", name, *given, *scopes, *where))
        return told.split()[-1]

    # What took effect -------------------------------------------------------------------------------------------------

    def rows(self, service: str, sql: str) -> list[tuple[Any, ...]]:
        return asyncio.run(_rows(self.places().urls[service], sql))

    def effects(self) -> dict[str, list[Effect]]:
        """What credit wrote, and what indicators applied by the numbers of the events in the log of now."""
        names = asyncio.run(_names(self.places()))
        credit = self.rows("credit", "SELECT uscc, name FROM enterprise_version ORDER BY uscc, version")
        applied = self.rows("indicators", "SELECT uscc, sequence FROM enterprise_version ORDER BY uscc, sequence")
        return {
            "credit": [(uscc, name) for uscc, name in credit],
            "indicators": [(uscc, names.get((uscc, sequence), "not in the log")) for uscc, sequence in applied],
        }

    def last_names(self) -> dict[str, dict[str, str]]:
        """The newest name of each enterprise as every service has it."""
        views = self.rows("gateway", "SELECT uscc, identity FROM enterprise_view WHERE identity IS NOT NULL")
        versions = self.rows("credit", "SELECT uscc, name FROM enterprise_version ORDER BY uscc, version")
        parties = self.rows("traceability", "SELECT uscc, name FROM party_enterprise")
        return {
            "credit": dict(versions),
            "traceability": dict(parties),
            "gateway": {
                uscc: (json.loads(identity) if isinstance(identity, str | bytes) else identity)["name"]
                for uscc, identity in views
            },
        }

    def at_rest(self) -> bool:
        """Whether all that credit published is applied in the other three."""
        if self.rows("credit", "SELECT count(*) FROM outbox WHERE published_at IS NULL") != [(0,)]:
            return False
        given = dict(self.rows("credit", "SELECT key, last FROM outbox_sequence"))
        applied = "SELECT key, sequence FROM inbox WHERE source = 'credit'"
        return all(dict(self.rows(name, applied)) == given for name in ("indicators", "traceability", "gateway"))


async def _rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    from sqlalchemy import text

    database = Database(url)
    try:
        async with database.read() as session:
            return [tuple(row) for row in await session.execute(text(sql))]
    finally:
        await database.close()


async def _names(places: Places) -> dict[tuple[str, int], str]:
    """`(uscc, sequence)` -> name of each enterprise event in the log. Two events under one number are an error."""
    database = Database(places.urls["credit"])
    async with database.read() as session:
        bus = in_epoch(open_bus(places.bus_url), await epoch_of(session))
    await database.close()
    await bus.start()
    found: dict[tuple[str, int], str] = {}
    ids: dict[tuple[str, int], str] = {}
    async for records in bus.read_all(["pinzhi.credit.v1"]):
        for record in records:
            event = from_record(record)
            if event.type == "pinzhi.credit.enterprise.updated.v1":
                place = (event.key, event.sequence)
                assert ids.setdefault(place, event.id) == event.id, f"two events are number {place}"
                found[place] = json.loads(event.data)["name"]
    await bus.close()
    return found


@dataclass
class Clients:
    """One for each key, each writes one name after the other until it is told to end."""

    base: str
    secret: str
    name: str
    round: str = "a"
    writes: list[Write] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Clients":
        with httpx.Client(base_url=self.base, timeout=30) as http:
            form = {"grant_type": "client_credentials", "client_id": self.name, "client_secret": self.secret}
            answer = http.post("/oauth/token", data=form)
            assert answer.status_code == 200, answer.text
            token = answer.json()["access_token"]
        self._threads = [threading.Thread(target=self._write, args=(number, token)) for number in range(KEYS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int, token: str) -> None:
        uscc = firm(500 + number)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.base, timeout=30, headers=headers) as http:
            for turn in range(100_000):
                if self._ending.is_set():
                    return
                name = f"演练{self.round}-{number}-{turn}"
                asked = time.monotonic()
                try:
                    body = {"name": name, "area_code": "370602"}
                    status = http.put(f"/v1/credit/enterprises/{uscc}", json=body).status_code
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    status = 0
                told = time.monotonic()
                answer = "acknowledged" if status in (200, 201) else "unknown"
                if answer == "unknown":
                    self.failures.append(f"{status}")
                self.writes.append(Write(uscc, name, asked, told, answer))  # type: ignore[arg-type]
                time.sleep(0.01)

    @property
    def acknowledged(self) -> int:
        return sum(write.answer == "acknowledged" for write in list(self.writes))


def as_of(writes: Sequence[Write], began: float, ended: float) -> list[Write]:
    """What a backup promises about the writes: those told before it began are in it, those asked for after it ended
    are not, of the others nobody knows."""
    from dataclasses import replace

    def answer(write: Write) -> Write:
        if write.asked > ended:
            return replace(write, answer="refused")
        return write if write.told < began else replace(write, answer="unknown")

    return [answer(write) for write in writes]


def same_everywhere(names: Mapping[str, Mapping[str, str]]) -> None:
    ours = {firm(500 + number) for number in range(KEYS)}
    views = {service: {uscc: name for uscc, name in found.items() if uscc in ours} for service, found in names.items()}
    assert views["traceability"] == views["credit"]
    assert views["gateway"] == views["credit"]
