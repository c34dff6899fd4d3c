"""Capturing: a document's valid events become rows, edges and lots in one transaction, with a handful of statements."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.traceability.callers import captured_by
from services.traceability.epcis import owners, repository
from services.traceability.epcis.lots import date_confirmed, first_seen
from services.traceability.epcis.prepare import Prepared
from services.traceability.graph import repository as graph
from services.traceability.graph.rules import OUTPUTS
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata.models import Place, Product
from services.traceability.recalls.service import follow
from services.traceability.rights import nodes as nodes_to_judge
from services.traceability.rights import repository as rights_repository
from services.traceability.rights import service as rights
from shared.db import UnitOfWork
from shared.db.locks import hold
from shared.errors import FieldError
from shared.turns import aside, in_turns, let_go


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that is not stored. `exception` is the standard's name."""

    pointer: str
    exception: str
    errors: tuple[FieldError, ...]


@dataclass(slots=True)
class Outcome:
    stored: list[Prepared] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    """`{pointer, event_id}`: the event is in the repository under this id; with `voided` where it was declared in
    error."""
    refused: list[Refused] = field(default_factory=list)
    errored: set[str] = field(default_factory=set)
    """Records that are in error by what is stored here."""


async def capture(
    uow: UnitOfWork, events: Sequence[Prepared], *, capture_id: str | None = None, all_or_nothing: bool = True
) -> Outcome:
    """Store the events that the caller may capture and the repository does not have yet.

    With `all_or_nothing`, nothing is stored when one is refused. A repeat is no error: it is stored once, and told.
    """
    register = await _Register.load(uow, events)
    outcome = Outcome()
    async for event in in_turns(events):
        _decide(uow, event, register, outcome)
    if outcome.refused and all_or_nothing:
        outcome.stored.clear()
    if outcome.stored:
        await _store(uow, outcome, register, capture_id)
    return outcome


@dataclass(slots=True)
class _Known:
    """What is stored, or stands before in the document, under one event id of the capturing party."""

    hash_id: str
    original: str | None = None
    """Record of the event itself; `declared`: an error declaration of it is there, before it or after it."""
    declared: bool = False


@dataclass(slots=True)
class _Register:
    """What is known of the places, products and events that the document names."""

    places: Mapping[str, Place]
    products: Mapping[str, Product]
    own: dict[str, _Known]
    """Event id -> what the capturing party has under it."""
    correctable: Mapping[tuple[str, str], Sequence[str]]
    """(event id, hash id) -> records of others that a department may declare in error."""
    others: Collection[str]
    """Event ids of the document's declarations that other parties' events have, seen by the caller or not."""

    @classmethod
    async def load(cls, uow: UnitOfWork, events: Sequence[Prepared]) -> "_Register":
        glns, gtins, event_ids, declared = await aside(len(events), _named, events)
        party = captured_by(uow.principal)
        # An event and its declaration that arrive side by side would each overlook the other.
        await hold(uow.session, "epcis", [party], shared=not declared)
        await rights.hold_titles(uow.session, gtins, glns)
        stored = await repository.known(uow.session, party, event_ids)
        correctable: dict[tuple[str, str], list[str]] = {}
        others: set[str] = set()
        if declared and uow.principal.kind != "enterprise":
            found, others = await repository.correctable(uow.session, uow.principal, declared)
            for event in found:
                correctable.setdefault((event.event_id, event.hash_id), []).append(event.record_id)
        return cls(
            places=await masterdata.by_key(uow.session, Place, glns),
            products=await masterdata.by_key(uow.session, Product, gtins),
            own=await aside(len(stored), _own, stored),
            correctable=correctable,
            others=others,
        )

    def errored_by(self, event: Prepared) -> list[str]:
        """Records that a declaration declares in error."""
        known = self.own.get(event.event_id)
        own = [known.original] if known is not None and known.original is not None else []
        return [*own, *self.correctable.get((event.event_id, event.hash_id), ())]

    def place(self, event: Prepared) -> Place | None:
        return next((self.places[gln] for gln in event.place_glns if gln in self.places), None)

    def concerns(self, event: Prepared) -> owners.Concerns:
        place = self.place(event)
        gtins = {each.id.gtin for each in event.objects if each.id.gtin}
        products = {gtin: self.products[gtin] for gtin in sorted(gtins) if gtin in self.products}
        parties = {self.places[gln].uscc for gln in (event.source, event.destination) if gln and gln in self.places}
        area = place.area_code if place else next((p.area_code for p in products.values()), None)
        return owners.Concerns(
            place=place.uscc if place else None,
            parties=frozenset(parties),
            products={gtin: product.owner_uscc for gtin, product in products.items()},
            unregistered=len(products) < len(gtins),
            somewhere=bool(event.place_glns),
            area_code=area,
        )


def _own(stored: Iterable[repository.KnownEvent]) -> dict[str, _Known]:
    own: dict[str, _Known] = {}
    for each in stored:
        known = own.setdefault(each.event_id, _Known(each.hash_id))
        known.declared |= each.declaration
        known.original = known.original if each.declaration else each.record_id
    return own


def _named(events: Sequence[Prepared]) -> tuple[set[str], set[str], list[str], list[str]]:
    """GLNs, GTINs, ids of the events and of the declarations among them."""
    glns = {gln for e in events for gln in (*e.place_glns, e.source, e.destination) if gln}
    gtins = {each.id.gtin for e in events for each in e.objects if each.id.gtin}
    return glns, gtins, [e.event_id for e in events], [e.event_id for e in events if e.declaration]


def _decide(uow: UnitOfWork, event: Prepared, register: _Register, outcome: Outcome) -> None:
    """The party's own event id decides whether it has the event already; the hash is the id of an event without one."""
    known = register.own.get(event.event_id)
    concerns = register.concerns(event)
    if reason := owners.refusal(uow.principal, concerns, event.pointer):
        outcome.refused.append(Refused(event.pointer, "SecurityException", (reason,)))
        return
    if known is not None and known.hash_id != event.hash_id:
        outcome.refused.append(Refused(event.pointer, "ResourceAlreadyExistsException", (_taken(event),)))
        return
    if known is not None and (known.declared if event.declaration else known.original is not None):
        repeat: dict[str, Any] = {"pointer": event.pointer, "event_id": event.event_id}
        outcome.duplicates.append(repeat | ({"voided": True} if known.declared and not event.declaration else {}))
        return
    if event.declaration and event.event_id in register.others and not register.errored_by(event):
        outcome.refused.append(Refused(event.pointer, "NoSuchResourceException", (_nothing_to_declare(event),)))
        return
    known = register.own.setdefault(event.event_id, _Known(event.hash_id))
    if event.declaration:
        outcome.errored.update(register.errored_by(event))
        known.declared = True
    else:
        known.original = event.record_id
        if known.declared:
            outcome.errored.add(event.record_id)
    event.row["area_code"] = concerns.area_code
    outcome.stored.append(event)


def _nothing_to_declare(event: Prepared) -> FieldError:
    return FieldError(
        f"{event.pointer}/errorDeclaration",
        "epcis.declaration_unknown",
        f"没有您可见、内容相同的事件 {event.event_id}；声明有误时请照原样重复原事件，只加 errorDeclaration",
        f"You see no event {event.event_id} with this content; a declaration repeats the event unchanged and adds "
        "errorDeclaration",
    )


def _taken(event: Prepared) -> FieldError:
    return FieldError(
        f"{event.pointer}/eventID",
        "epcis.event_id_taken",
        f"eventID {event.event_id} 已用于内容不同的事件；更正请先发送带 errorDeclaration 的原事件，再发送新的事件",
        f"The eventID {event.event_id} belongs to an event with another content; to correct it, capture the original "
        "with an errorDeclaration, then a new event",
    )


async def _store(uow: UnitOfWork, outcome: Outcome, register: _Register, capture_id: str | None) -> None:
    events = outcome.stored
    party = captured_by(uow.principal)
    enterprise = uow.principal.kind == "enterprise"
    who = {
        "captured_by": party,
        "owner_uscc": uow.principal.uscc if enterprise else None,
        "captured_area": None if enterprise else uow.principal.area,
        "record_time": uow.now,
        "capture_id": capture_id,
    }
    objects, judged = await aside(sum(len(event.objects) for event in events), _rows, events, who, outcome.errored)
    changed = await rights.judge_new(uow, judged)
    edges = await aside(len(objects), _judged_edges, events, objects, judged, uow.now, party)
    await repository.store(uow.session, [event.row for event in events], objects, edges)
    await repository.mark_errored(uow.session, outcome.errored, uow.now)
    await rights_repository.write(uow.session, changed)
    errored = await graph.nodes_of(uow.session, outcome.errored)
    if outcome.errored:
        gtins = await rights.release_claims(uow.session, outcome.errored)
        again = errored | await nodes_to_judge.of_gtins(uow.session, gtins)
        changed += await rights.rejudge(uow.session, again)
    told, counts = await aside(len(objects), _told, objects)
    await first_seen(uow, events, register.products, counts)
    await date_confirmed(uow, changed)
    await follow(uow, told | errored | {row.node for row in changed})
    uow.audit("epcis.capture", subject=capture_id or events[0].event_id, detail={"events": len(events)})
    await aside(len(objects), let_go, objects, judged, edges)


def _rows(
    events: Iterable[Prepared], who: Mapping[str, Any], errored: Collection[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The objects of the events, and what is judged of them; who captured them stands on each event from now on."""
    objects: list[dict[str, Any]] = []
    judged: list[dict[str, Any]] = []
    for event in events:
        event.row |= who
        of_event = {name: event.row[name] for name in _JUDGED}
        for row in event.object_rows():
            objects.append(row)
            if not event.declaration and event.record_id not in errored:
                judged.append(of_event | row)
    return objects, judged


_JUDGED = (
    *("event_type", "action", "biz_step", "event_time", "record_time", "captured_by", "owner_uscc", "captured_area"),
    *("place_gln", "source_party", "destination_party"),
)
_VOID: dict[str, Any] = {"confirmed": False, "asks": None, "late": False}
"""Objects of declarations, and of events that were declared in error before they came."""


def _told(objects: Iterable[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """The nodes that are spoken of; record and node of each word that counts."""
    nodes = {row["node"] for row in objects}
    return nodes, {row["record_id"] + row["node"] for row in objects if row["confirmed"]}


def _judged_edges(
    events: Sequence[Prepared],
    objects: Sequence[dict[str, Any]],
    judged: Iterable[Mapping[str, Any]],
    known_from: datetime,
    party: str,
) -> list[dict[str, Any]]:
    """Puts what was judged on the objects; the edges that they make."""
    verdicts = {(each["record_id"], each["position"]): each for each in judged}
    for row in objects:
        each = verdicts.get((row["record_id"], row["position"]), _VOID)
        row |= {name: each[name] for name in _VOID}
    return _edges(events, objects, known_from, party)


def _edges(
    events: Sequence[Prepared], objects: Sequence[Mapping[str, Any]], known_from: datetime, party: str
) -> list[dict[str, Any]]:
    """With what was judged of the objects that they join: an edge enters where the event's word counts."""
    into = {(row["record_id"], row["node"]): row["confirmed"] for row in objects if row["field"] in _TARGETS}
    out = {(row["record_id"], row["node"]): row for row in objects if row["field"] not in _TARGETS}
    return [
        row
        | {
            "confirmed": into.get((row["record_id"], row["to_node"]), True),
            "source_confirmed": out.get((row["record_id"], row["from_node"]), _MIDDLE)["confirmed"],
            "late": out.get((row["record_id"], row["from_node"]), _MIDDLE)["late"],
        }
        for event in events
        for row in event.edge_rows(known_from, party)
    ]


_TARGETS = (*OUTPUTS, "parent")
_MIDDLE: dict[str, Any] = {"confirmed": True, "late": False}
"""The middle of a star is nobody's."""
