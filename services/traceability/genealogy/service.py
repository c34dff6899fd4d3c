"""Use cases of the lot graph: how far a lot reached and who holds it; where it came from and went."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.traceability.genealogy import repository
from services.traceability.genealogy.claims import Claim, claims
from services.traceability.genealogy.holdings import Holding, Observation, Packing, holdings, spread
from services.traceability.genealogy.packings import packings
from services.traceability.graph import repository as graph
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata.models import Product
from shared.db import AsyncSession

AFFECTED_DEPTH = 40
AFFECTED_NODES = 100_000


@dataclass(frozen=True, slots=True)
class AffectedLot:
    lot_id: str
    gtin: str
    lot: str
    product_name: str
    depth: int
    """0 for the lots asked for; how many steps of making lie between otherwise."""


@dataclass(frozen=True, slots=True)
class Affected:
    """The forward closure of some lots."""

    lots: list[AffectedLot]
    truncated: bool
    """Whether a bound was reached; the set is then too small."""


async def affected(session: AsyncSession, lot_ids: Iterable[str], *, late: bool = True) -> Affected:
    """Everything that was made of the lots, they themselves first. Without `late`, as far as the owners of what is
    reached have power over what others said: an enterprise that came late to a GTIN recalls nobody's products."""
    reached = await graph.onward(session, lot_ids, max_depth=AFFECTED_DEPTH, limit=AFFECTED_NODES + 1, late=late)
    lots = {node: depth for node, depth in reached.items() if graph.is_lot(node)}
    gtins = await masterdata.by_key(session, Product, {lot_id[:14] for lot_id in lots})
    found = await asyncio.to_thread(_ordered, lots, {gtin: product.name for gtin, product in gtins.items()})
    return Affected(found, len(reached) > AFFECTED_NODES or max(reached.values(), default=0) >= AFFECTED_DEPTH)


def _ordered(lots: Mapping[str, int], names: Mapping[str, str]) -> list[AffectedLot]:
    return [
        AffectedLot(lot_id, lot_id[:14], lot_id[15:], names.get(lot_id[:14], ""), depth)
        for lot_id, depth in sorted(lots.items(), key=lambda item: (item[1], item[0]))
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds how much of some lots."""

    holdings: list[Holding]
    claims: list[Claim]
    """What others say that they had of the lots: they are told, and their quantities do not count."""


async def held(session: AsyncSession, lot_ids: Collection[str], *, late: bool = True) -> Held:
    """It is the same for a lot whatever lots are asked for beside it. `late` as of `affected`."""
    packed = await packings(session, lot_ids, claimed=True)
    told = await repository.observations(session, {*lot_ids, *(packing.container for packing in packed)})
    observed = [seen for seen in await repository.counted(session, told, lot_ids) if late or not seen.late]
    return await asyncio.to_thread(_held, observed, told, packed, set(lot_ids))


def _held(
    observed: Sequence[Observation], told: Sequence[Observation], packed: Sequence[Packing], lot_ids: Collection[str]
) -> Held:
    counts = [packing for packing in packed if packing.confirmed]
    found = holdings(spread(observed, counts), {lot_id: lot_id for lot_id in lot_ids})
    return Held(found, claims(told, packed, lot_ids, {(holding.lot_id, holding.holder) for holding in found}))
