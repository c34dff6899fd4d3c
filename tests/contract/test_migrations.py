"""Migrations on both databases: they make what the models say, and carry the rows of every earlier schema along."""

import asyncio
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, NullPool, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.topology import SERVICES
from shared.db.migrate import ROOT, head, upgrade
from tests.support.databases import Backend

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def run(url: str, do: Callable[[Connection], Any]) -> Any:
    async def inside() -> Any:
        made = make_url(url)
        engine = create_async_engine(made.set(drivername=DRIVERS[made.get_backend_name()]), poolclass=NullPool)
        async with engine.begin() as connection:
            result = await connection.run_sync(do)
        await engine.dispose()
        return result

    return asyncio.run(inside())


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_migrations_make_what_the_models_say(backend: Backend, service: str) -> None:
    url = backend.bare(MetaData())
    upgrade(service, url)
    metadata = import_module(f"services.{service}.tables").METADATA

    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert run(url, differences) == []
    assert run(url, lambda c: c.execute(text("SELECT version_num FROM alembic_version")).scalar()) == head(service)


ROWS = {
    "credit": (
        "listing_step",
        {
            "listing_id": "l-1",
            "position": 1,
            "kind": "proposal",
            "on_day": "2026-11-24",
            "at": "2026-11-24T04:00:00.000000Z",
            "by": "user:li",
            "by_name": "li",
            "document": "文1号",
            "detail": "{}",
        },
    ),
    "traceability": (
        "lot_test",
        {
            "test_id": "t-1",
            "version": 1,
            "known_from": "2026-11-24T04:00:00.000000Z",
            "lot_id": "09521101530018.QX1",
            "gtin": "09521101530018",
            "producer_uscc": "91370686MA3EX4MP0C",
            "area_code": "370686",
            "sample_id": "S-1",
            "kind": "self",
            "category": "food",
            "laboratory": "示例检测中心",
            "report_number": "R-1",
            "sampled_on": "2026-11-20",
            "tested_on": "2026-11-21",
            "items": "[]",
            "result": "pass",
            "recorded_by": "firm",
        },
    ),
}
"""Service -> a table that got a column for files after its first schema, and a row of that schema."""


@pytest.mark.parametrize("service", ["credit", "traceability"])
def test_rows_of_the_first_schema_are_kept(backend: Backend, service: str) -> None:
    url = backend.bare(MetaData())
    upgrade(service, url, "0001")
    table, row = ROWS[service]

    def insert(connection: Connection) -> None:
        values = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in row.values())
        names = ", ".join(f'"{name}"' for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"))

    run(url, insert)
    upgrade(service, url)

    def kept(connection: Connection) -> dict[str, Any]:
        return dict(connection.execute(text(f"SELECT * FROM {table}")).mappings().one())

    stored = run(url, kept)
    assert stored["attachment"] is None
    assert stored.get("recorder") == (f"enterprise:{row['producer_uscc']}" if service == "traceability" else None)
    for name in ("kind", "document", "report_number", "result"):
        assert stored.get(name) == row.get(name)


def test_landed_reports_belong_to_who_recorded_them_first(backend: Backend) -> None:
    """A report that a department recorded stays the department's, also where an enterprise has replaced it since; and
    afterwards the same number may be recorded by another."""
    url = backend.bare(MetaData())
    upgrade("traceability", url, "0003")
    _, row = ROWS["traceability"]
    rows: list[dict[str, Any]] = [
        row | {"test_id": "t-1", "report_number": "R-1", "department": "yt-scjg"},
        row | {"test_id": "t-1", "report_number": "R-1", "version": 2},
        row | {"test_id": "t-2", "report_number": "R-2"},
    ]

    def insert(connection: Connection, more: list[dict[str, Any]]) -> None:
        for one in more:
            values = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in one.values())
            connection.execute(text(f"INSERT INTO lot_test ({', '.join(one)}) VALUES ({values})"))

    run(url, lambda c: insert(c, rows))
    upgrade("traceability", url)
    found = run(
        url, lambda c: c.execute(text("SELECT test_id, version, recorder FROM lot_test ORDER BY 1, 2")).fetchall()
    )
    firm = f"enterprise:{row['producer_uscc']}"
    assert [tuple(one) for one in found] == [
        ("t-1", 1, "department:yt-scjg"),
        ("t-1", 2, "department:yt-scjg"),
        ("t-2", 1, firm),
    ]
    run(url, lambda c: insert(c, [row | {"test_id": "t-3", "report_number": "R-1", "recorder": firm}]))
    twice = row | {"test_id": "t-4", "report_number": "R-2", "recorder": firm}
    with pytest.raises(IntegrityError):
        run(url, lambda c: insert(c, [twice]))


@pytest.mark.parametrize("service", [each.name for each in SERVICES])
def test_revisions_are_one_line_of_numbers(service: str) -> None:
    """Two that were made side by side would both be the newest, and a fresh database would know neither."""
    files = sorted((ROOT / service / "migrations" / "versions").glob("[0-9]*.py"))
    lines = [
        re.findall(r"^(?:down_)?revision = (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) for file in files
    ]
    numbers = [f"{number:04}" for number in range(1, len(files) + 1)]
    assert [file.name[:4] for file in files] == numbers
    assert [tuple(each.strip("'\"") for each in line) for line in lines] == [
        (number, f"{int(number) - 1:04}" if number != "0001" else "None") for number in numbers
    ]
