"""One lot's way through the chain: the closure in both directions, and everything that is known of its nodes."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.traceability.genealogy import findings, repository
from services.traceability.genealogy.holdings import Holding, Observation, Packing, holdings, spread
from services.traceability.genealogy.packings import packings as packed_into
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
from services.traceability.genealogy.walk import Bounds, Reader, Walked, walk
from services.traceability.graph import repository as graph
from services.traceability.graph.models import EpcisEvent
from services.traceability.graph.rules import CONTAINMENT, CONTENTS, INPUTS, OUTPUTS, is_middle
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import Lot, Party, Place, Product
from services.traceability.rights.rules import shown_asks
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
    bounds: Bounds,
    *,
    now: datetime,
) -> TraceOut:
    """Raises NotFound for a lot that is neither registered nor named by an event, Forbidden for a stranger to it."""
    unowned = not await masterdata.by_key(session, Product, [lot_id[:14]])
    reached = await _reached(session, principal, lot_id, direction, bounds, unowned=unowned)
    ways, reads = reached.ways, reached.reads
    nodes = {node for node in ways if not is_middle(node)}
    packings = await packed_into(session, nodes)
    told = await repository.observations(session, nodes | {packing.container for packing in packings})
    lots = await masterdata.by_key(session, Lot, (node for node in nodes if graph.is_lot(node)))
    behind = {node for node, (way, _) in ways.items() if way == "backward"}
    observed = await repository.counted(session, told, behind)
    own = lots.get(lot_id)
    words = _unowned(told, lot_id, principal) if unowned else []
    observed += set(words).difference(observed)
    seen = observed if principal.kind == "enterprise" else told
    if not (own and own.acknowledged) and not any(each.node == lot_id for each in seen):
        raise NotFound("lot", zh=f"没有批次 {lot_id}", en=f"No lot {lot_id}")
    if reads is not None and lot_id not in reads and not words:
        raise _stranger()
    if reads is None:
        await _require_area(session, principal, lot_id, [each for each in told if each.node == lot_id])
    shown = await _edges(session, ways.keys(), nodes, principal, reads)
    claims = await _waiting(session, principal, ways)
    whole = await asyncio.to_thread(_read, observed, packings, principal, reads)
    is_lot = {node: node for node in nodes if graph.is_lot(node)}
    held = await asyncio.to_thread(holdings, whole, is_lot)
    known = await _Known.load(session, whole, lots, held, now)

    def answer() -> TraceOut:
        # Whoever supervises sees what is only claimed.
        supervised = spread(told, packings) if reads is None else whole
        by_holder = holdings(supervised, is_lot) if reads is None else held
        found = _findings(lot_id, direction, ways, shown, supervised, by_holder, lots)
        found += findings.of_claims(claims)
        if reads is not None:
            found += findings.of_closed(nodes & behind - reads)
        found += findings.of_left_out(lot_id, reached.left_out)
        complete, words = findings.completeness(found, truncated=reached.truncated)
        return TraceOut(
            lot_id=lot_id,
            direction=direction,
            nodes=[known.node(node, *ways[node]) for node in sorted(nodes, key=lambda n: (ways[n][1], ways[n][0], n))],
            edges=shown,
            holdings=[known.holding(holding) for holding in held],
            completeness=Completeness(complete=complete, text=words.zh, text_en=words.en),
            findings=[
                Finding(code=each.code, node=each.node, holder=each.holder, text=each.text.zh, text_en=each.text.en)
                for each in found
            ],
            truncated=reached.truncated,
        )

    return await asyncio.to_thread(answer)


def _read(
    observed: Sequence[Observation],
    packings: Sequence[Packing],
    principal: Principal,
    reads: Collection[str] | None,
) -> list[Observation]:
    """What the caller reads of the observations, those of containers at what was inside of them."""
    return [
        each
        for each in spread(observed, packings)
        if reads is None or (each.node in reads and not each.late) or each.party == principal.uscc
    ]


def _unowned(told: Iterable[Observation], lot_id: str, principal: Principal) -> list[Observation]:
    """What is said of a lot whose product nobody registered, so that nobody here can confirm it: a firm has its own
    words back, authorities have all."""
    return [
        each
        for each in told
        if each.node == lot_id and (principal.kind != "enterprise" or each.party == principal.uscc)
    ]


def _stranger() -> Forbidden:
    return Forbidden(
        "owner",
        zh="企业只能追溯自己（或受托生产）的批次，以及持有者的发货事件写明发给自己的批次",
        en="An enterprise traces lots that it owns or makes, and lots that their holder's shipping named it for",
    )


async def _require_area(session: AsyncSession, principal: Principal, lot_id: str, told: Sequence[Observation]) -> None:
    """An authority traces what belongs to its area, or was seen there by words that count; and what no register places
    anywhere. Where nobody registered the product, every word counts, and the areas of those who speak of it too."""
    products = await masterdata.by_key(session, Product, [lot_id[:14]])
    counting = [each for each in told if each.confirmed or not products]
    seen = await masterdata.by_key(session, Place, {each.place for each in counting if each.place and not each.nowhere})
    codes = {product.area_code for product in products.values()} | {place.area_code for place in seen.values()}
    owners = await supervision.homes(
        session,
        {product.owner_uscc for product in products.values()} or {each.party for each in told if each.party},
    )
    codes.update(code for homes in owners.values() for code in homes)
    if codes and not any(principal.may_in(code) for code in codes):
        raise Forbidden(
            "area",
            zh=f"该批次不属于本地区（{principal.area or '无'}），也没有在本地区出现过",
            en=f"The lot neither belongs to your area ({principal.area or 'none'}) nor was seen there",
        )


@dataclass(slots=True)
class _Reached:
    ways: dict[str, tuple[Literal["self", "backward", "forward"], int]] = field(default_factory=dict)
    reads: set[str] | None = None
    """Of which the caller reads what others say; None for all."""
    truncated: bool = False
    left_out: int = 0


async def _reached(
    session: AsyncSession, principal: Principal, lot_id: str, direction: Way, bounds: Bounds, *, unowned: bool
) -> _Reached:
    """An authority's trace is everything that is reached; an enterprise's ends where it reads no further."""
    found = _Reached()
    reader = Reader(session, principal.uscc or "") if principal.kind == "enterprise" else None
    ways: tuple[graph.Direction, ...] = ("backward", "forward") if direction == "both" else (direction,)
    for way in ways:
        if reader is not None:
            walked = await walk(reader, lot_id, way, bounds, unowned=unowned)
        else:
            depths = await graph.closure(session, [lot_id], way, max_depth=bounds.depth, limit=bounds.nodes + 1)
            whole = len(depths) <= bounds.nodes and max(depths.values(), default=0) < bounds.depth
            walked = Walked(dict(list(depths.items())[: bounds.nodes]), not whole, 0)
        for node, depth in walked.depths.items():
            found.ways.setdefault(node, (way, depth))
        found.truncated |= walked.truncated
        found.left_out += walked.left_out
    found.ways[lot_id] = ("self", 0)
    found.reads = reader.reads if reader is not None else None
    return found


async def _waiting(
    session: AsyncSession, principal: Principal, ways: Mapping[str, tuple[str, int]]
) -> list[tuple[str, str | None]]:
    """What of the way forward goes into objects of others that have not confirmed it: the claimant's duty to ask."""
    onward = [node for node, (way, _) in ways.items() if way in ("self", "forward")]
    told_by = principal.uscc if principal.kind == "enterprise" else None
    found = await repository.unconfirmed_from(session, onward, told_by=told_by)
    return [(each.node, shown_asks(principal, each.node, each.asks)) for each in found]


async def _edges(
    session: AsyncSession,
    reached: Collection[str],
    nodes: Collection[str],
    principal: Principal,
    reads: Collection[str] | None,
) -> list[EdgeOut]:
    records = await graph.records_between(session, set(reached))
    events = await graph.events(session, records, bodies=False)
    named = await repository.named(session, nodes, records)
    return await asyncio.to_thread(_shown, events, named, principal, reads)


def _shown(
    events: Mapping[str, EpcisEvent], named: Iterable[Any], principal: Principal, reads: Collection[str] | None
) -> list[EdgeOut]:
    sides: dict[str, tuple[list[AmountOut], list[AmountOut]]] = {record: ([], []) for record in events}
    for each in named:
        told = reads is None or each.node in reads or events[each.record_id].owner_uscc == principal.uscc
        amount = AmountOut(node=each.node, quantity=each.quantity if told else None, uom=each.uom)
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
    traced = [seen for seen in whole if graph.is_lot(seen.node) and seen.node in ways]
    found = findings.of_movements(traced, held)
    found += findings.of_sales(traced, {node: lot.expires_on for node, lot in lots.items() if lot.expires_on})
    if direction != "forward":
        behind = {node for node, (way, _) in ways.items() if way in ("self", "backward") and graph.is_lot(node)}
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
        latest: Mapping[str, Observation],
    ) -> None:
        self.lots, self.products, self.places, self.names, self.marks = lots, products, places, names, marks
        self.latest = latest

    @classmethod
    async def load(
        cls,
        session: AsyncSession,
        seen: Sequence[Observation],
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
            latest={each.node: each for each in seen},
        )

    def node(self, node: str, way: Any, depth: int) -> NodeOut:
        lot = self.lots.get(node)
        product = self.products.get(lot.gtin) if lot else None
        last = self.latest.get(node)
        place = self.places.get(last.place or "") if last and not last.nowhere else None
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
    if graph.is_lot(node):
        return "lot"
    path = node.removeprefix("https://id.gs1.org")
    if path.startswith("/01/"):
        return "item" if "/21/" in path or "/235/" in path else "class"
    return "container" if path.startswith(("/00/", "/8003/", "/8004/")) else "other"
