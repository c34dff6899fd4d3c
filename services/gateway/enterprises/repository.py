"""Every query on the enterprise view and the lists."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from services.gateway.enterprises import rules
from services.gateway.enterprises.models import EnterpriseRow, ListingRow
from services.gateway.projection import Row, lock_rows
from shared.area_scope import within
from shared.db import AsyncSession
from shared.db.sql import table_of, upsert

_enterprise = table_of(EnterpriseRow)
_listing = table_of(ListingRow)


async def lock(session: AsyncSession, usccs: Iterable[str]) -> dict[str, Row]:
    return await lock_rows(session, EnterpriseRow, "uscc", usccs, rules.empty)


async def save(session: AsyncSession, rows: dict[str, Row]) -> None:
    await upsert(session, EnterpriseRow, list(rows.values()), key=["uscc"])


async def get(session: AsyncSession, uscc: str) -> Row | None:
    row = (await session.execute(select(_enterprise).where(_enterprise.c.uscc == uscc))).mappings().first()
    return dict(row) if row else None


async def save_listings(session: AsyncSession, listings: Sequence[tuple[Row, str]]) -> None:
    """Bodies as they stand in the enterprise row, each with the time of its newest event."""
    rows = [
        {
            "listing_id": body["listing_id"],
            "uscc": body["uscc"],
            "colour": body["colour"],
            "party_name": body["party_name"],
            "area_code": body["area_code"],
            "published_on": date.fromisoformat(body["published_on"]),
            "valid_from": date.fromisoformat(body["valid_from"]),
            "valid_until": date.fromisoformat(body["valid_until"]),
            "removed_on": date.fromisoformat(body["removed_on"]) if body["removed_on"] else None,
            "body": body,
            "changed_at": changed_at,
        }
        for body, changed_at in listings
    ]
    await upsert(session, ListingRow, rows, key=["listing_id"])


def _in_force(day: date) -> ColumnElement[bool]:
    return and_(
        _listing.c.valid_from <= day,
        _listing.c.valid_until >= day,
        or_(_listing.c.removed_on.is_(None), _listing.c.removed_on > day),
    )


async def totals(session: AsyncSession, day: date) -> dict[str, int]:
    """Entries in force on `day` for each colour."""
    query = select(_listing.c.colour, func.count()).where(_in_force(day)).group_by(_listing.c.colour)
    return {"black": 0, "red": 0} | {colour: count for colour, count in await session.execute(query)}


async def newest_change(session: AsyncSession) -> str | None:
    """Time of the newest event about any listing."""
    newest: str | None = (await session.execute(select(func.max(_listing.c.changed_at)))).scalar_one()
    return newest


async def page(
    session: AsyncSession,
    colour: str,
    day: date,
    *,
    q: str | None,
    area: str | None,
    limit: int,
    after: tuple[Any, ...] | None,
) -> tuple[list[Row], int]:
    """Entries in force, newest publication first, one more than `limit` when there is a next page; and how many in all.

    `q` is part of a name or of a USCC; `area` takes those below it, too.
    """
    where: list[Any] = [_listing.c.colour == colour, _in_force(day)]
    if q:
        where.append(
            or_(
                _listing.c.party_name.contains(q, autoescape=True),
                _listing.c.uscc.startswith(q.upper(), autoescape=True),
            )
        )
    if area is not None:
        where.append(within(_listing.c.area_code, area))
    total = (await session.execute(select(func.count()).select_from(_listing).where(*where))).scalar_one()
    if after is not None:
        where.append(tuple_(_listing.c.published_on, _listing.c.listing_id) < after)
    query = (
        select(_listing.c.body)
        .where(*where)
        .order_by(_listing.c.published_on.desc(), _listing.c.listing_id.desc())
        .limit(limit + 1)
    )
    return [body for (body,) in await session.execute(query)], total
