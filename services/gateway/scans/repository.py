"""Every query behind a scan."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from services.gateway.projection import Row, lock_rows
from services.gateway.scans.models import LotRow, ProductRow
from shared.db import AsyncSession, Database
from shared.db.sql import upsert
from shared.i18n import Lang

_UNDER = "(SELECT r.recall_id FROM recall_lot_view r WHERE r.lot_id = $1 AND r.in_force LIMIT 1)"
"""A recall that holds the lot, which may be known before the lot's own event tells it."""
LOT = f"""
SELECT l.body, l.changed_at, {_UNDER}, p.body, e.listings, e.credit_at, e.identity, e.party
FROM lot_view l
LEFT JOIN product_view p ON p.gtin = $2
LEFT JOIN enterprise_view e ON e.uscc = l.producer_uscc
WHERE l.lot_id = $1
"""  # noqa: S608 - constants
READY: dict[Lang, str] = {
    lang: (
        f"SELECT coalesce(l.scan_{lang}, l.body), l.producer_uscc, l.changed_at, {_UNDER}, "  # noqa: S608 - constants
        "p.body, e.listings, e.credit_at, e.identity, e.party FROM lot_view l "
        "LEFT JOIN product_view p ON p.gtin = $2 LEFT JOIN enterprise_view e ON e.uscc = l.producer_uscc "
        "WHERE l.lot_id = $1"
    )
    for lang in ("zh", "en")
}
ALONE: dict[Lang, str] = {
    lang: (
        f"SELECT coalesce(scan_{lang}, body), producer_uscc, changed_at, {_UNDER} "  # noqa: S608 - constants
        "FROM lot_view WHERE lot_id = $1"
    )
    for lang in ("zh", "en")
}
PRODUCT = """
SELECT p.body, p.changed_at, e.listings, e.credit_at, e.identity, e.party
FROM product_view p LEFT JOIN enterprise_view e ON e.uscc = p.owner_uscc
WHERE p.gtin = $1
"""
RECALLED = """
SELECT v.body, v.changed_at FROM recall_lot_view r JOIN recall_view v ON v.recall_id = r.recall_id
WHERE r.lot_id = $1 AND r.in_force
"""
RECALLED_LOTS = """
SELECT r.lot, max(v.changed_at) FROM recall_lot_view r JOIN recall_view v ON v.recall_id = r.recall_id
WHERE r.gtin = $1 AND v.state = 'open' GROUP BY r.lot ORDER BY r.lot LIMIT 50
"""


def empty_product(gtin: str) -> Row:
    return {"gtin": gtin, "owner_uscc": None, "body": None, "changed_at": ""}


async def lock_products(session: AsyncSession, gtins: Iterable[str]) -> dict[str, Row]:
    return await lock_rows(session, ProductRow, "gtin", gtins, empty_product)


async def save_products(session: AsyncSession, rows: dict[str, Row]) -> None:
    await upsert(session, ProductRow, list(rows.values()), key=["gtin"])


async def save_lots(session: AsyncSession, rows: Sequence[Row]) -> None:
    await upsert(session, LotRow, rows, key=["lot_id"])


async def drop_lots(session: AsyncSession, lot_ids: Iterable[str]) -> None:
    if wanted := list(lot_ids):
        await session.execute(delete(LotRow).where(col(LotRow.lot_id).in_(wanted)))


async def read_lot(db: Database, lot_id: str, gtin: str) -> tuple[Any, ...] | None:
    """One indexed read for a scan, columns of `LOT`; JSON columns as text."""
    rows = await db.fetch(LOT, lot_id, gtin)
    return rows[0] if rows else None


async def read_ready(db: Database, lot_id: str, gtin: str, lang: Lang) -> tuple[Any, ...] | None:
    """The same with the ready bytes of one language, columns of `READY`."""
    rows = await db.fetch(READY[lang], lot_id, gtin)
    return rows[0] if rows else None


async def read_ready_alone(db: Database, lot_id: str, lang: Lang) -> tuple[Any, ...] | None:
    """The first four columns of `READY`, those of the lot itself."""
    rows = await db.fetch(ALONE[lang], lot_id)
    return rows[0] if rows else None


async def read_product(db: Database, gtin: str) -> tuple[Any, ...] | None:
    """Columns of `PRODUCT`; JSON columns as text."""
    rows = await db.fetch(PRODUCT, gtin)
    return rows[0] if rows else None


async def read_recalls(db: Database, lot_id: str) -> list[tuple[Any, ...]]:
    """The recalls in force that hold a lot, columns of `RECALLED`; JSON as text."""
    return list(await db.fetch(RECALLED, lot_id))


async def read_recalled_lots(db: Database, gtin: str) -> list[tuple[str, str]]:
    """Lots of a product under an open recall, at most 50, each with the time of the newest event of its recall."""
    return [(lot, at) for lot, at in await db.fetch(RECALLED_LOTS, gtin)]
