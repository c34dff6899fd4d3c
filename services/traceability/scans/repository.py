"""Queries of the scan log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.traceability.scans.models import ScanArea, ScanCounter, ScanLog, ScanSource
from shared.db import AsyncSession
from shared.db.sql import chunks, dialect_of, insert_rows, table_of


async def known(session: AsyncSession, scan_ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(scan_ids):
        statement = select(col(ScanLog.scan_id)).where(col(ScanLog.scan_id).in_(chunk))
        found.update((await session.execute(statement)).scalars())
    return found


async def append(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await insert_rows(session, ScanLog, rows)


async def count(
    session: AsyncSession, counters: Sequence[Mapping[str, Any]], areas: Sequence[Mapping[str, Any]]
) -> None:
    """Add to the counters, in key order. The first scan is the earliest, whatever the order of arrival."""
    for model, key, rows in (
        (ScanCounter, ["code"], sorted(counters, key=lambda row: row["code"])),
        (ScanArea, ["code", "area_code"], sorted(areas, key=lambda row: (row["code"], row["area_code"]))),
    ):
        if not rows:
            continue
        table: Any = table_of(model)
        insert: Any = (postgresql if dialect_of(session) == "postgresql" else sqlite).insert(table)
        new, old = insert.excluded, table.c
        values = {"times": old.times + new.times}
        if model is ScanCounter:
            earlier = new.first_at < old.first_at
            values |= {
                "first_at": case((earlier, new.first_at), else_=old.first_at),
                "first_area": case((earlier, new.first_area), else_=old.first_area),
                "last_at": case((new.last_at > old.last_at, new.last_at), else_=old.last_at),
            }
        await session.execute(insert.on_conflict_do_update(index_elements=key, set_=values), rows)


async def delete_before(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete the oldest single scans, at most `limit`; how many."""
    oldest = select(col(ScanLog.scan_id)).where(col(ScanLog.at) < before).order_by(col(ScanLog.at)).limit(limit)
    result: Any = await session.execute(delete(ScanLog).where(col(ScanLog.scan_id).in_(oldest)))
    return int(result.rowcount)


async def counter(session: AsyncSession, code: str) -> ScanCounter | None:
    return await session.get(ScanCounter, code)


async def areas(session: AsyncSession, code: str, limit: int) -> list[ScanArea]:
    """Areas of most scans first."""
    statement = (
        select(ScanArea)
        .where(col(ScanArea.code) == code)
        .order_by(col(ScanArea.times).desc(), col(ScanArea.area_code))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def as_of(session: AsyncSession) -> datetime | None:
    """Time of the newest batch that is counted."""
    newest: datetime | None = (await session.execute(select(func.max(col(ScanSource.as_of))))).scalar()
    return newest
