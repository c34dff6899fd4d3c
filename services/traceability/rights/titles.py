"""Queries of titles: whose a GTIN is, since when, and who confirmed it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from sqlalchemy import delete, select
from sqlmodel import col

from services.traceability.epcis.models import EpcisEvent, EventEpc
from services.traceability.epcis.repository import chunks
from services.traceability.masterdata.models import Party, Product
from services.traceability.masterdata.repository import by_key
from services.traceability.rights.models import GtinClaim, ProductConfirmation, ProductMakers
from services.traceability.rights.rules import Maker, Title
from shared.db import AsyncSession

DEPARTMENT = "department"


def by(confirmed_by: str) -> str:
    """USCC, or `DEPARTMENT` for every department."""
    return DEPARTMENT if confirmed_by.startswith("department:") else confirmed_by


async def titles(session: AsyncSession, gtins: Iterable[str]) -> dict[str, Title]:
    """Whose each GTIN is: registered, else claimed."""
    wanted = set(gtins)
    products = await by_key(session, Product, wanted)
    claims = await by_key(session, GtinClaim, wanted)
    makers = await by_key(session, ProductMakers, products)
    parties = await by_key(session, Party, {claim.uscc for claim in claims.values()})
    confirmed = await _confirmations(session, products)
    found: dict[str, Title] = {}
    for gtin, claim in claims.items():
        party = parties.get(claim.uscc)
        found[gtin] = Title(claim.uscc, party.area_code if party else None, since=claim.record_id)
    for gtin, product in products.items():
        claimed = found.get(gtin)
        said = {who for uscc, who in confirmed.get(gtin, ()) if uscc == product.owner_uscc}
        title = Title(
            product.owner_uscc,
            product.area_code,
            _makers(makers.get(gtin)),
            since=product.since,
            settled=DEPARTMENT in said,
            confirmed_by=frozenset(said),
        )
        if claimed is not None and claimed.owner == title.owner:
            title = replace(title, since=min(title.since, claimed.since))  # it has it since it made something of it
        elif claimed is not None and claimed.owner not in title.parties:
            title = replace(title, claim=claimed)
        found[gtin] = title
    return found


async def _confirmations(session: AsyncSession, gtins: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """GTIN -> (whose it is, who says so)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for chunk in chunks(gtins):
        statement = select(ProductConfirmation).where(col(ProductConfirmation.gtin).in_(chunk))
        for each in (await session.execute(statement)).scalars():
            found.setdefault(each.gtin, []).append((each.uscc, by(each.confirmed_by)))
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


def _makers(row: ProductMakers | None) -> tuple[Maker, ...]:
    return tuple(
        Maker(each["uscc"], _day(each.get("since")), _day(each.get("until"))) for each in (row.makers if row else ())
    )


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
