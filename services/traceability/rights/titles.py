"""Queries of titles: whose a GTIN is, since when, and who confirmed it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import and_, delete, select
from sqlmodel import col

from services.traceability.graph.models import EpcisEvent, EventEpc
from services.traceability.masterdata.models import Party, Product
from services.traceability.rights.models import GtinClaim, ProductConfirmation, ProductMakers
from services.traceability.rights.title import Maker, Title
from shared.db import AsyncSession
from shared.db.sql import NAMES, among_names, chunks
from shared.identifiers.uscc import USCC

DEPARTMENT = "department"


def by(confirmed_by: str) -> str:
    """USCC, or `DEPARTMENT` for every department."""
    return DEPARTMENT if confirmed_by.startswith("department:") else confirmed_by


_CLAIMS = (
    select(col(GtinClaim.gtin), col(GtinClaim.uscc), col(GtinClaim.record_id), col(Party.area_code))
    .outerjoin(Party, col(Party.uscc) == col(GtinClaim.uscc))
    .where(among_names(col(GtinClaim.gtin)))
)
_PRODUCTS = (
    select(
        col(Product.gtin),
        col(Product.owner_uscc),
        col(Product.area_code),
        col(Product.since),
        col(ProductMakers.makers),
        col(ProductConfirmation.confirmed_by),
    )
    .outerjoin(ProductMakers, col(ProductMakers.gtin) == col(Product.gtin))
    .outerjoin(
        ProductConfirmation,
        and_(
            col(ProductConfirmation.gtin) == col(Product.gtin), col(ProductConfirmation.uscc) == col(Product.owner_uscc)
        ),
    )
    .where(among_names(col(Product.gtin)))
)


async def titles(session: AsyncSession, gtins: Iterable[str]) -> dict[str, Title]:
    """Whose each GTIN is: registered, else claimed. Two statements of columns: every capture and every step of a trace
    asks."""
    found: dict[str, Title] = {}
    for chunk in chunks(gtins):
        for gtin, uscc, record_id, area_code in (await session.execute(_CLAIMS, {NAMES: chunk})).all():
            found[gtin] = Title(uscc, area_code or USCC(uscc).area_code, since=record_id)
        registered: dict[str, Any] = {}
        said: dict[str, set[str]] = {}
        for row in (await session.execute(_PRODUCTS, {NAMES: chunk})).all():  # one for each that confirmed it
            registered[row.gtin] = row
            if row.confirmed_by is not None:
                said.setdefault(row.gtin, set()).add(by(row.confirmed_by))
        for gtin, row in registered.items():
            found[gtin] = _title(row, said.get(gtin, set()), found.get(gtin))
    return found


def _title(product: Any, said: set[str], claimed: Title | None) -> Title:
    title = Title(
        product.owner_uscc,
        product.area_code,
        _makers(product.makers),
        since=product.since,
        settled=DEPARTMENT in said,
        confirmed_by=frozenset(said),
    )
    if claimed is not None and claimed.owner == title.owner:
        return replace(title, since=min(title.since, claimed.since))  # it has it since it made something of it
    if claimed is not None and claimed.owner not in title.confirmed_by:
        return replace(title, claim=claimed)
    return title


async def claimed(session: AsyncSession, gtins: Iterable[str]) -> set[str]:
    """Those of the GTINs of which somebody made something before anybody registered them."""
    found: set[str] = set()
    for chunk in chunks(gtins):
        statement = select(col(GtinClaim.gtin)).where(col(GtinClaim.gtin).in_(chunk))
        found |= set((await session.execute(statement)).scalars())
    return found


async def untitled_words(session: AsyncSession, lot_ids: Iterable[str]) -> set[str]:
    """Those of the lots of which others spoke before their owner came to the GTIN."""
    found: set[str] = set()
    for chunk in chunks(lot_ids):
        statement = (
            select(col(EventEpc.node))
            .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
            .where(col(EventEpc.node).in_(chunk), col(EventEpc.late).is_(True), col(EpcisEvent.errored_at).is_(None))
        )
        found |= set((await session.execute(statement.distinct())).scalars())
    return found


def _makers(makers: Sequence[Mapping[str, Any]] | None) -> tuple[Maker, ...]:
    return tuple(Maker(each["uscc"], _day(each.get("since")), _day(each.get("until"))) for each in makers or ())


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def claimed_by(session: AsyncSession, record_ids: Iterable[str]) -> set[str]:
    """GTINs that are claimed by these events."""
    found: set[str] = set()
    for chunk in chunks(record_ids):
        statement = select(col(GtinClaim.gtin)).where(col(GtinClaim.record_id).in_(chunk))
        found |= set((await session.execute(statement)).scalars())
    return found


async def drop_claims(session: AsyncSession, gtins: Iterable[str]) -> None:
    for chunk in chunks(gtins):
        await session.execute(delete(GtinClaim).where(col(GtinClaim.gtin).in_(chunk)))
