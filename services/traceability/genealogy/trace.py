"""One lot's way through the chain: the closure in both directions, and everything that is known of its nodes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from services.traceability.genealogy import findings, repository
from services.traceability.genealogy.holdings import Holding, Observation, holdings, spread
from services.traceability.genealogy.rules import CONTAINMENT, CONTENTS, INPUTS, OUTPUTS
from services.traceability.genealogy.schemas import (
    AmountOut,
    Completeness,
    EdgeOut,
    Finding,
    HoldingOut,
    NodeOut,
    PartyMark,
    TraceOut,
)
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata.models import Lot, Party, Place, Product
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.errors import Forbidden, NotFound

Way = Literal["backward", "forward", "both"]


async def trace(
    session: AsyncSession,
    principal: Principal,
    lot_id: str,
    direction: Way,
    *,
    max_depth: int,
    max_nodes: int,
    now: datetime,
) -> TraceOut:
    """Raises NotFound for a lot that is neither registered nor named by an event, Forbidden for a stranger to it."""
    ways: dict[str, tuple[Literal["self", "backward", "forward"], int]] = {}
    truncated = False
    for way in ("backward", "forward") if direction == "both" else (direction,):
        reached = await repository.closure(session, [lot_id], way, max_depth=max_depth, limit=max_nodes + 1)
        truncated |= len(reached) > max_nodes or max(reached.values(), default=0) >= max_depth
        for node, depth in list(reached.items())[:max_nodes]:
            ways.setdefault(node, (way, depth))
    ways[lot_id] = ("self", 0)
    nodes = {node for node in ways if not repository.is_middle(node)}
    packings = await repository.packings(session, nodes)
    observed = await repository.observations(session, nodes | {packing.container for packing in packings})
    lots = await masterdata.by_key(session, Lot, (node for node in nodes if repository.is_lot(node)))
    whole = spread(observed, packings)
    if lot_id not in lots and not any(seen.node == lot_id for seen in observed):
        raise NotFound("lot", zh=f"没有批次 {lot_id}", en=f"No lot {lot_id}")
    _require_concern(principal, lots.get(lot_id), [seen for seen in whole if seen.node == lot_id])
    held = holdings(whole, {node: node for node in nodes if repository.is_lot(node)})
    edges = await _edges(session, ways.keys(), nodes)
    found = _findings(lot_id, direction, ways, edges, whole, held, lots)
    complete, words = findings.completeness(found, truncated=truncated)
    known = await _Known.load(session, whole, lots, held, now)
    return TraceOut(
        lot_id=lot_id,
        direction=direction,
        nodes=[
            known.node(node, *ways[node], whole) for node in sorted(nodes, key=lambda n: (ways[n][1], ways[n][0], n))
        ],
        edges=edges,
        holdings=[known.holding(holding) for holding in held],
        completeness=Completeness(complete=complete, text=words.zh, text_en=words.en),
        findings=[
            Finding(code=each.code, node=each.node, holder=each.holder, text=each.text.zh, text_en=each.text.en)
            for each in found
        ],
        truncated=truncated,
    )


def _require_concern(principal: Principal, lot: Lot | None, seen: Sequence[Observation]) -> None:
    """An enterprise traces lots of its own products, and lots that it held, sent or was sent."""
    if principal.kind != "enterprise" or (lot is not None and lot.owner_uscc == principal.uscc):
        return
    if any(principal.uscc in (each.holder, each.source, each.destination) for each in seen):
        return
    raise Forbidden(
        "owner",
        zh="企业只能追溯自己的批次和自己经手的批次",
        en="An enterprise traces lots of its own and lots that passed through its hands",
    )


async def _edges(session: AsyncSession, reached: Collection[str], nodes: Collection[str]) -> list[EdgeOut]:
    records = await repository.records_between(session, set(reached))
    events = await repository.events(session, records)
    sides: dict[str, tuple[list[AmountOut], list[AmountOut]]] = {record: ([], []) for record in events}
    for each in await repository.objects(session, events):
        if each.node in nodes:
            amount = AmountOut(node=each.node, quantity=each.quantity, uom=each.uom)
            if each.field in (*INPUTS, *CONTENTS):
                sides[each.record_id][0].append(amount)
            elif each.field in (*OUTPUTS, "parent"):
                sides[each.record_id][1].append(amount)
    found = [
        EdgeOut(
            event_id=event.event_id,
            relation=CONTAINMENT.get(event.event_type, "transformation"),
            at=event.event_time,
            biz_step=event.biz_step,
            place=event.place_gln,
            inputs=sides[record][0],
            outputs=sides[record][1],
        )
        for record, event in events.items()
    ]
    return sorted(found, key=lambda edge: (edge.at, edge.event_id))


def _findings(
    lot_id: str,
    direction: Way,
    ways: Mapping[str, tuple[str, int]],
    edges: Sequence[EdgeOut],
    whole: Sequence[Observation],
    held: Sequence[Holding],
    lots: Mapping[str, Lot],
) -> list[findings.Found]:
    traced = [seen for seen in whole if repository.is_lot(seen.node) and seen.node in ways]
    found = findings.of_movements(traced, held)
    found += findings.of_sales(traced, {node: lot.expires_on for node, lot in lots.items() if lot.expires_on})
    if direction != "forward":
        behind = {node for node, (way, _) in ways.items() if way in ("self", "backward") and repository.is_lot(node)}
        fed = {amount.node for edge in edges if edge.inputs for amount in edge.outputs}
        registered = {node for node, lot in lots.items() if lot.registered_at is not None}
        found += findings.of_origins(behind - fed, traced, registered)
    return found


class _Known:
    """Names, marks and last sightings of everything in the answer."""

    def __init__(
        self,
        lots: Mapping[str, Lot],
        products: Mapping[str, Product],
        places: Mapping[str, Place],
        names: Mapping[str, str],
        marks: Mapping[str, tuple[str, datetime]],
    ) -> None:
        self.lots, self.products, self.places, self.names, self.marks = lots, products, places, names, marks

    @classmethod
    async def load(
        cls,
        session: AsyncSession,
        seen: Iterable[Observation],
        lots: Mapping[str, Lot],
        held: Iterable[Holding],
        now: datetime,
    ) -> "_Known":
        glns = {each.place for each in seen if each.place}
        usccs = {lot.owner_uscc for lot in lots.values()} | {holding.holder for holding in held}
        parties = await masterdata.by_key(session, Party, usccs)
        return cls(
            lots=lots,
            products=await masterdata.by_key(session, Product, {lot.gtin for lot in lots.values()}),
            places=await masterdata.by_key(session, Place, glns),
            names={uscc: party.name for uscc, party in parties.items()},
            marks=await masterdata.colours(session, usccs, shanghai_date(now)),
        )

    def node(self, node: str, way: Any, depth: int, seen: Sequence[Observation]) -> NodeOut:
        lot = self.lots.get(node)
        product = self.products.get(lot.gtin) if lot else None
        last = next((each for each in reversed(seen) if each.node == node), None)
        place = self.places.get(last.place or "") if last else None
        return NodeOut(
            node=node,
            kind=_kind(node),
            direction=way,
            depth=depth,
            product_name=product.name if product else None,
            owner=self.party(lot.owner_uscc) if lot else None,
            produced_on=lot.produced_on if lot else None,
            expires_on=lot.expires_on if lot else None,
            place=place.name if place else last.place if last else None,
            area_code=place.area_code if place else None,
            disposition=last.disposition if last else None,
            last_seen=last.at if last else None,
        )

    def party(self, uscc: str) -> PartyMark:
        colour, as_of = self.marks.get(uscc, (None, None))
        return PartyMark(uscc=uscc, name=self.names.get(uscc), colour=colour, as_of=as_of)

    def holding(self, held: Holding) -> HoldingOut:
        numbers = ("made", "received", "shipped", "used", "sold", "destroyed", "on_hand", "expected")
        return HoldingOut(
            lot_id=held.lot_id,
            holder=held.holder,
            holder_name=self.names.get(held.holder),
            uom=held.uom,
            **{name: getattr(held, name) for name in numbers},
        )


def _kind(node: str) -> Literal["lot", "item", "container", "class", "other"]:
    if repository.is_lot(node):
        return "lot"
    path = node.removeprefix("https://id.gs1.org")
    if path.startswith("/01/"):
        return "item" if "/21/" in path or "/235/" in path else "class"
    return "container" if path.startswith(("/00/", "/8003/", "/8004/")) else "other"
