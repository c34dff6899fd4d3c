"""Use cases of the lot graph: how far a lot reached and who holds it; where it came from and went."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.traceability.genealogy import repository
from services.traceability.genealogy.holdings import Holding, Observation, effect, holdings, spread
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
    holdings: list[Holding]
    claimants: frozenset[str]
    """Who says that it had some of the lots, and nobody confirmed it: they are told, and their quantities do not
    count."""
    truncated: bool
    """Whether a bound was reached; the set is then too small."""


async def affected(session: AsyncSession, lot_ids: Iterable[str]) -> Affected:
    """Everything that was made of the lots, they themselves first, with who holds how much of each."""
    reached = await repository.closure(session, lot_ids, "forward", max_depth=AFFECTED_DEPTH, limit=AFFECTED_NODES + 1)
    lots = {node: depth for node, depth in reached.items() if repository.is_lot(node)}
    gtins = await masterdata.by_key(session, Product, (lot_id[:14] for lot_id in lots))
    found = [
        AffectedLot(lot_id, lot_id[:14], lot_id[15:], gtins[lot_id[:14]].name if lot_id[:14] in gtins else "", depth)
        for lot_id, depth in sorted(lots.items(), key=lambda item: (item[1], item[0]))
    ]
    packings = await repository.packings(session, lots)
    observed = await repository.observations(session, {*lots, *(packing.container for packing in packings)})
    told, observed = observed, await repository.counted(session, observed, lots)
    claimants = {seen.party for seen in told if seen.party and not seen.confirmed and _had(seen)}
    held = holdings(spread(observed, packings), {lot_id: lot_id for lot_id in lots})
    claimants -= {holding.holder for holding in held}
    truncated = len(reached) > AFFECTED_NODES or max(reached.values(), default=0) >= AFFECTED_DEPTH
    return Affected(found, held, frozenset(claimants), truncated)


def _had(seen: Observation) -> bool:
    return effect(seen.event_type, seen.action, seen.biz_step, seen.field) in ("received", "sold", "used", "shipped")
