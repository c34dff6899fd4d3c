"""Queries of master data."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, func, select, update
from sqlmodel import col

from services.traceability.base import Table
from services.traceability.masterdata.models import (
    Lot,
    MasterVersion,
    Party,
    PartyEnterprise,
    PartyMark,
    PartyViolation,
    Place,
    Product,
)
from shared.db import AsyncSession, UnitOfWork
from shared.db.sql import chunks, insert_rows, table_of, upsert

T = TypeVar("T", bound=Table)
_ROWS = 200
"""Read between two turns of the event loop."""


async def by_key(session: AsyncSession, model: type[T], keys: Iterable[str]) -> dict[str, T]:
    """Rows by their natural key, as they are stored now, whatever the session has in hand."""
    column = next(iter(table_of(model).primary_key.columns))
    found: dict[str, T] = {}
    for chunk in chunks(keys, _ROWS):
        statement = select(model).where(column.in_(chunk))
        result = await session.execute(statement.execution_options(populate_existing=True))
        found |= {str(getattr(row, column.key)): row for row in result.scalars()}
    return found


async def move_products(session: AsyncSession, uscc: str, area_code: str) -> None:
    await session.execute(update(Product).where(col(Product.owner_uscc) == uscc).values(area_code=area_code))


async def store(uow: UnitOfWork, kind: str, model: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the present state of each row, and its version beside those before. Rows carry `version`."""
    key = next(iter(table_of(model).primary_key.columns)).key
    await upsert(uow.session, model, rows, key=[key])
    versions = [
        {
            "kind": kind,
            "key": row[key],
            "version": row["version"],
            "body": {name: _plain(value) for name, value in row.items() if name not in ("version", "updated_at")},
            "known_from": uow.now,
            "recorded_by": uow.principal.id,
        }
        for row in rows
    ]
    await insert_rows(uow.session, MasterVersion, versions)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


async def versions(session: AsyncSession, kind: str, key: str) -> list[MasterVersion]:
    statement = (
        select(MasterVersion)
        .where(col(MasterVersion.kind) == kind, col(MasterVersion.key) == key)
        .order_by(col(MasterVersion.version))
    )
    return list((await session.execute(statement)).scalars())


async def lot_ids_of(session: AsyncSession, *, gtin: str | None = None, uscc: str | None = None) -> list[str]:
    """Lots of a product, or of all products of an owner."""
    statement = select(col(Lot.lot_id))
    statement = statement.where(col(Lot.gtin) == gtin) if gtin else statement.where(col(Lot.owner_uscc) == uscc)
    return list((await session.execute(statement)).scalars())


async def date_lots(session: AsyncSession, lots: Sequence[Mapping[str, Any]]) -> None:
    """Give lots that nobody registered the dates that an event tells, where they have none yet."""
    if not lots:
        return
    statement = (
        update(Lot)
        .where(col(Lot.lot_id) == bindparam("known_lot"), col(Lot.version) == 0, col(Lot.produced_on).is_(None))
        .values(produced_on=bindparam("made"), expires_on=bindparam("best"))
    )
    rows = [{"known_lot": lot["lot_id"], "made": lot["produced_on"], "best": lot["expires_on"]} for lot in lots]
    await (await session.connection()).execute(statement, rows)


async def hand_over_lots(session: AsyncSession, owners: Mapping[str, str]) -> None:
    """The lots of each GTIN belong to its new owner."""
    for gtin in sorted(owners):
        await session.execute(update(Lot).where(col(Lot.gtin) == gtin).values(owner_uscc=owners[gtin]))


async def give_lots(session: AsyncSession, owners: Mapping[str, str]) -> None:
    """Lot -> whose it is."""
    for chunk in chunks(sorted(owners)):
        statement = select(col(Lot.lot_id), col(Lot.owner_uscc)).where(col(Lot.lot_id).in_(chunk))
        for lot_id, before in (await session.execute(statement.order_by(col(Lot.lot_id)))).all():
            if before != owners[lot_id]:
                await session.execute(update(Lot).where(col(Lot.lot_id) == lot_id).values(owner_uscc=owners[lot_id]))


async def acknowledge_lots(session: AsyncSession, lot_ids: Iterable[str]) -> None:
    """Their owner, or somebody whom it sent them to, named these lots."""
    for chunk in chunks(lot_ids):
        lots = col(Lot.lot_id).in_(chunk)
        await session.execute(update(Lot).where(lots, col(Lot.acknowledged).is_(False)).values(acknowledged=True))


async def places_of(session: AsyncSession, uscc: str) -> list[str]:
    return list((await session.execute(select(col(Place.gln)).where(col(Place.uscc) == uscc))).scalars())


async def marks_in_force(session: AsyncSession, uscc: str, on: date) -> list[PartyMark]:
    """Listings of the party that are published, not removed and valid on `on`."""
    statement = (
        select(PartyMark)
        .where(
            col(PartyMark.uscc) == uscc,
            col(PartyMark.valid_from) <= on,
            col(PartyMark.valid_until) >= on,
            col(PartyMark.removed_on).is_(None),
        )
        .order_by(col(PartyMark.valid_from), col(PartyMark.listing_id))
    )
    return list((await session.execute(statement)).scalars())


async def colours(session: AsyncSession, usccs: Iterable[str], on: date) -> dict[str, tuple[str, datetime]]:
    """Party -> colour of its listing in force on `on` (black before red), with the time of the event behind it."""
    found: dict[str, tuple[str, datetime]] = {}
    for chunk in chunks(usccs):
        statement = (
            select(PartyMark)
            .where(
                col(PartyMark.uscc).in_(chunk),
                col(PartyMark.valid_from) <= on,
                col(PartyMark.valid_until) >= on,
                col(PartyMark.removed_on).is_(None),
            )
            .order_by(col(PartyMark.colour).desc())
        )
        for mark in (await session.execute(statement)).scalars():
            found[mark.uscc] = (mark.colour, mark.as_of)  # red comes first, so black stays
    return found


async def published_violations(session: AsyncSession, uscc: str, on: date) -> int:
    statement = (
        select(func.count())
        .select_from(PartyViolation)
        .where(
            col(PartyViolation.uscc) == uscc,
            col(PartyViolation.expires_on) >= on,
            col(PartyViolation.ended_on).is_(None),
        )
    )
    found: int = (await session.execute(statement)).scalar_one()
    return found


async def enterprise(session: AsyncSession, uscc: str) -> PartyEnterprise | None:
    return await session.get(PartyEnterprise, uscc)


async def products_of(session: AsyncSession, uscc: str | None, after: str | None, limit: int) -> list[Product]:
    """Products by GTIN, of one owner or of all."""
    statement = select(Product).order_by(Product.gtin).limit(limit)
    if uscc is not None:
        statement = statement.where(col(Product.owner_uscc) == uscc)
    if after is not None:
        statement = statement.where(col(Product.gtin) > after)
    return list((await session.execute(statement)).scalars())


async def lots_of(
    session: AsyncSession,
    *,
    gtin: str | None,
    uscc: str | None,
    owners: Select[Any] | None,
    after: str | None,
    limit: int,
) -> list[Lot]:
    """Lots by id. `owners`: the firms to keep."""
    statement = select(Lot).order_by(Lot.lot_id).limit(limit)
    if gtin is not None:
        statement = statement.where(col(Lot.gtin) == gtin)
    if uscc is not None:
        statement = statement.where(col(Lot.owner_uscc) == uscc, col(Lot.acknowledged))
    if owners is not None:
        statement = statement.where(col(Lot.owner_uscc).in_(owners))
    if after is not None:
        statement = statement.where(col(Lot.lot_id) > after)
    return list((await session.execute(statement)).scalars())


async def party_names(session: AsyncSession, usccs: Iterable[str]) -> dict[str, str]:
    return {uscc: row.name for uscc, row in (await by_key(session, Party, usccs)).items()}
