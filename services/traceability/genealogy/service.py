"""Use cases of the lot graph: how far a lot reached and who holds it; where it came from and went."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.traceability.genealogy import repository
from services.traceability.genealogy.holdings import Holding, Observation, Packing, effect, holdings, spread
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
    reached = await repository.closure(
        session, lot_ids, "forward", max_depth=AFFECTED_DEPTH, limit=AFFECTED_NODES + 1, late=late
    )
    lots = {node: depth for node, depth in reached.items() if repository.is_lot(node)}
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
    claimants: frozenset[str]
    """Who says that it had some of the lots, and nobody confirmed it: they are told, and their quantities do not
    count."""


async def held(session: AsyncSession, lot_ids: Collection[str], *, late: bool = True) -> Held:
    """It is the same for a lot whatever lots are asked for beside it. `late` as of `affected`."""
    packings = await repository.packings(session, lot_ids)
    told = await repository.observations(session, {*lot_ids, *(packing.container for packing in packings)})
    observed = [seen for seen in await repository.counted(session, told, lot_ids) if late or not seen.late]
    found = await asyncio.to_thread(_held, observed, packings, lot_ids)
    claimants = {seen.party for seen in told if seen.party and not seen.confirmed and _had(seen)}
    return Held(found, frozenset(claimants - {holding.holder for holding in found}))


def _held(observed: Sequence[Observation], packings: Sequence[Packing], lot_ids: Collection[str]) -> list[Holding]:
    return holdings(spread(observed, packings), {lot_id: lot_id for lot_id in lot_ids})


def _had(seen: Observation) -> bool:
    return effect(seen.event_type, seen.action, seen.biz_step, seen.field) in ("received", "sold", "used", "shipped")
