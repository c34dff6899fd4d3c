"""A small installation at rest: four migrated databases, a log, keys, an attachment; events published and applied."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from deploy import topology
from deploy.backup.places import Places, places
from shared.attachments.store import DiskStore
from shared.bus.envelope import Record
from shared.bus.sqlite import SqliteBus
from tests.support.databases import Databases

AT = "2026-11-24 04:00:00.000000"
PDF = b"%PDF-1.4\n%%EOF\n"


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def read(file: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def published(sequences: Sequence[int], *, sent: bool = True) -> list[str]:
    """Statements that put events of one key into an outbox."""
    when = f"'{AT}'" if sent else "NULL"
    return [
        "INSERT INTO outbox (event_id, topic, key, sequence, type, headers, data, created_at, published_at) VALUES "
        f"('e{number}', 'pinzhi.credit.v1', 'K', {number}, 't', '{{}}', x'7b7d', '{AT}', {when})"
        for number in sequences
    ]


@pytest.fixture
def installation(tmp_path: Path, databases: Databases) -> Places:
    return installed(tmp_path / "var", databases)


def installed(folder: Path, databases: Databases) -> Places:
    for service in topology.SERVICES:
        databases.fresh(service.name, folder / f"{service.database}.db", None)
        change(folder / f"{service.database}.db", "PRAGMA journal_mode=WAL")  # as every service does
    change(folder / "credit.db", *published([1, 2, 3]), "INSERT INTO outbox_sequence VALUES ('K', 3)")
    for name in ("gateway", "traceability"):
        change(folder / f"{name}.db", f"INSERT INTO inbox VALUES ('{name}', 'credit', 'K', 3, '{AT}')")
    asyncio.run(_log(folder))
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    for name in ("issuer.json", "jwks.json"):
        (keys / name).write_text(json.dumps({"keys": []}))
        (keys / name).chmod(0o600)
    digest = asyncio.run(DiskStore(folder / "attachments").put(PDF))
    row = f"('{digest}', 'x', {len(PDF)}, 'application/pdf', 'a.pdf', 'public', NULL, NULL, '{AT}')"
    columns = "sha256, owner, size, media_type, name, visibility, department, uscc, created_at"
    change(folder / "credit.db", f"INSERT INTO attachment ({columns}) VALUES {row}")
    return places(folder, "", "")


async def _log(folder: Path) -> None:
    bus = SqliteBus(folder / "bus.db")
    await bus.start()
    await bus.publish([Record("pinzhi.credit.v1", "K", b"{}", {"ce_sequence": str(number)}) for number in (1, 2, 3)])
    reader = await bus.subscribe("gateway", ["pinzhi.credit.v1"], member="gateway:0")
    await reader.commit(await reader.poll())
    await reader.close()
    await bus.close()
