"""Who said that a GTIN or a GLN is its registrant's."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlmodel import col

from services.traceability.callers import captured_by
from services.traceability.rights.models import PlaceConfirmation, ProductConfirmation
from shared.db import UnitOfWork
from shared.db.sql import chunks, insert_rows


async def confirm_place(uow: UnitOfWork, gln: str, uscc: str) -> bool:
    """Record that the caller says the GLN is this party's; False where it said so before."""
    row = {"gln": gln, "uscc": uscc, "confirmed_by": captured_by(uow.principal), "confirmed_at": uow.now}
    return await insert_rows(uow.session, PlaceConfirmation, [row], ignore=True) > 0


async def confirm_products(uow: UnitOfWork, owners: Mapping[str, str]) -> set[str]:
    """Record that the caller says each GTIN is its party's; those of which it had not said so before. The caller holds
    their titles."""
    who = captured_by(uow.principal)
    said: set[tuple[str, str]] = set()
    for chunk in chunks(owners):
        statement = select(col(ProductConfirmation.gtin), col(ProductConfirmation.uscc)).where(
            col(ProductConfirmation.gtin).in_(chunk),
            col(ProductConfirmation.confirmed_by) == who,
        )
        said |= {(gtin, uscc) for gtin, uscc in (await uow.session.execute(statement)).all()}
    new = [gtin for gtin in sorted(owners) if (gtin, owners[gtin]) not in said]
    row = {"confirmed_by": who, "confirmed_at": uow.now}
    await insert_rows(uow.session, ProductConfirmation, [{"gtin": gtin, "uscc": owners[gtin], **row} for gtin in new])
    return set(new)
