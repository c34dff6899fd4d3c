"""Nodes that are judged anew together: of a GTIN, of a place, of what authorities spoke of."""

from collections.abc import Iterable

from sqlalchemy import select, union
from sqlmodel import col

from services.traceability.graph.models import EpcisEvent, EventEpc
from services.traceability.masterdata.models import Product
from services.traceability.rights.models import GtinClaim
from services.traceability.rights.rules import kind_of
from shared.db import AsyncSession
from shared.db.sql import chunks
from shared.turns import aside


async def of_gtins(session: AsyncSession, gtins: Iterable[str]) -> set[str]:
    """Lots and items of the GTINs that events name."""
    found: set[str] = set()
    for chunk in chunks(gtins):
        statement = select(col(EventEpc.node)).where(col(EventEpc.gtin).in_(chunk)).distinct()
        found |= set((await session.execute(statement)).scalars())
    return await aside(len(found), lambda: {node for node in found if kind_of(node)[0] != "class"})


async def naming(session: AsyncSession, glns: Iterable[str]) -> set[str]:
    """What events name that name one of the GLNs as source, destination or place."""
    found: set[str] = set()
    for chunk in chunks(glns):
        for column in (EpcisEvent.source_party, EpcisEvent.destination_party, EpcisEvent.place_gln):
            statement = (
                select(col(EventEpc.node))
                .join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
                .where(col(column).in_(chunk))
            )
            found |= set((await session.execute(statement.distinct())).scalars())
    return found


async def of_authorities(session: AsyncSession, uscc: str) -> set[str]:
    """What departments spoke of that the firm spoke of too, or that is of its GTINs. It is looked for from what is the
    firm's, which is nothing for most that register: not from all that departments ever said."""
    words = select(col(EventEpc.node)).join(EpcisEvent, col(EpcisEvent.record_id) == col(EventEpc.record_id))
    own = set((await session.execute(words.where(col(EpcisEvent.owner_uscc) == uscc).distinct())).scalars())
    registered = select(col(Product.gtin)).where(col(Product.owner_uscc) == uscc)
    gtins = union(registered, select(col(GtinClaim.gtin)).where(col(GtinClaim.uscc) == uscc))
    own |= await of_gtins(session, (await session.execute(gtins)).scalars())
    found: set[str] = set()
    for chunk in chunks(own):
        statement = words.where(col(EventEpc.node).in_(chunk), col(EpcisEvent.owner_uscc).is_(None))
        found |= set((await session.execute(statement.distinct())).scalars())
    return found
