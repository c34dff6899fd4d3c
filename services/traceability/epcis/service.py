"""Capturing: a document's valid events become rows, edges and lots in one transaction, with a handful of statements."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from services.traceability.epcis import owners, repository
from services.traceability.epcis.models import EpcisEvent
from services.traceability.epcis.prepare import Prepared
from services.traceability.genealogy import repository as genealogy
from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import rules as masterdata_rules
from services.traceability.masterdata.models import Lot, Place, Product
from services.traceability.recalls.service import extend
from services.traceability.verdicts.service import publish_lots
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.db.sql import insert_rows
from shared.errors import FieldError


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that is not stored. `exception` is the standard's name."""

    pointer: str
    exception: str
    errors: tuple[FieldError, ...]


@dataclass(slots=True)
class Outcome:
    stored: list[Prepared] = field(default_factory=list)
    duplicates: list[dict[str, str]] = field(default_factory=list)
    """`{pointer, event_id}`: the event is in the repository under this id."""
    refused: list[Refused] = field(default_factory=list)


async def capture(
    uow: UnitOfWork, events: Sequence[Prepared], *, capture_id: str | None = None, all_or_nothing: bool = True
) -> Outcome:
    """Store the events that the caller may capture and the repository does not have yet.

    With `all_or_nothing`, nothing is stored when one is refused. A repeat is no error: it is stored once, and told.
    """
    register = await _Register.load(uow, events)
    outcome = Outcome()
    for event in events:
        _decide(uow, event, register, outcome)
    if outcome.refused and all_or_nothing:
        outcome.stored.clear()
    if outcome.stored:
        await _store(uow, outcome.stored, register, capture_id)
    return outcome


@dataclass(slots=True)
class _Register:
    """What is known of the places, products and events that the document names."""

    places: Mapping[str, Place]
    products: Mapping[str, Product]
    by_hash: dict[tuple[str, bool], str]
    """(hash id, declaration) -> event id, of stored events and of those before in the document."""
    by_id: dict[tuple[str, bool], str]
    """(event id, declaration) -> hash id."""
    stored: Mapping[tuple[str, bool], EpcisEvent]

    @classmethod
    async def load(cls, uow: UnitOfWork, events: Sequence[Prepared]) -> "_Register":
        glns = {gln for e in events for gln in (*e.place_glns, e.source, e.destination) if gln}
        gtins = {each.id.gtin for e in events for each in e.objects if each.id.gtin}
        stored = await repository.known(uow.session, (e.hash_id for e in events), (e.event_id for e in events))
        return cls(
            places=await masterdata.by_key(uow.session, Place, glns),
            products=await masterdata.by_key(uow.session, Product, gtins),
            by_hash={(e.hash_id, e.declaration): e.event_id for e in stored},
            by_id={(e.event_id, e.declaration): e.hash_id for e in stored},
            stored={(e.hash_id, e.declaration): e for e in stored} | {(e.event_id, e.declaration): e for e in stored},
        )

    def original(self, event: Prepared) -> EpcisEvent | None:
        return self.stored.get((event.event_id, False)) or self.stored.get((event.hash_id, False))

    def declared(self, event: Prepared) -> bool:
        """Whether an error declaration of the event is known."""
        return (event.hash_id, True) in self.by_hash or (event.event_id, True) in self.by_id

    def place(self, event: Prepared) -> Place | None:
        return next((self.places[gln] for gln in event.place_glns if gln in self.places), None)

    def concerns(self, event: Prepared) -> owners.Concerns:
        place = self.place(event)
        gtins = {each.id.gtin for each in event.objects if each.id.gtin}
        products = {gtin: self.products[gtin] for gtin in sorted(gtins) if gtin in self.products}
        parties = {self.places[gln].uscc for gln in (event.source, event.destination) if gln and gln in self.places}
        original = self.original(event) if event.declaration else None
        area = place.area_code if place else next((p.area_code for p in products.values()), None)
        return owners.Concerns(
            place=place.uscc if place else None,
            parties=frozenset(parties),
            products={gtin: product.owner_uscc for gtin, product in products.items()},
            unregistered=len(products) < len(gtins),
            creates=event.creates(),
            area_code=area,
            declares=(original.owner_uscc or "") if original else None,
        )


def _decide(uow: UnitOfWork, event: Prepared, register: _Register, outcome: Outcome) -> None:
    key = (event.hash_id, event.declaration)
    same_id = register.by_id.get((event.event_id, event.declaration))
    concerns = register.concerns(event)
    if reason := owners.refusal(uow.principal, concerns, event.pointer):
        outcome.refused.append(Refused(event.pointer, "SecurityException", (reason,)))
    elif key in register.by_hash:
        outcome.duplicates.append({"pointer": event.pointer, "event_id": register.by_hash[key]})
    elif same_id is not None:
        outcome.refused.append(Refused(event.pointer, "ResourceAlreadyExistsException", (_taken(event),)))
    else:
        register.by_hash[key] = event.event_id
        register.by_id[event.event_id, event.declaration] = event.hash_id
        event.row["area_code"] = concerns.area_code
        outcome.stored.append(event)


def _taken(event: Prepared) -> FieldError:
    return FieldError(
        f"{event.pointer}/eventID",
        "epcis.event_id_taken",
        f"eventID {event.event_id} 已用于内容不同的事件；更正请先发送带 errorDeclaration 的原事件，再发送新的事件",
        f"The eventID {event.event_id} belongs to an event with another content; to correct it, capture the original "
        "with an errorDeclaration, then a new event",
    )


async def _store(uow: UnitOfWork, events: Sequence[Prepared], register: _Register, capture_id: str | None) -> None:
    owner = uow.principal.uscc if uow.principal.kind == "enterprise" else None
    rows: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for event in events:
        event.row |= {"record_time": uow.now, "owner_uscc": owner, "capture_id": capture_id}
        rows.append(event.row)
        objects += event.object_rows()
        edges += event.edge_rows(uow.now)
    await repository.store(uow.session, rows, objects, edges)
    errored = _errored(events, register)
    await repository.mark_errored(uow.session, errored, uow.now)
    await _first_seen(uow, events, register)
    nodes = {row["node"] for row in objects} | await repository.nodes_of(uow.session, errored)
    concerned = await genealogy.concerned_lots(uow.session, nodes)
    await extend(uow, concerned)
    await publish_lots(uow, concerned)
    uow.audit("epcis.capture", subject=capture_id or events[0].event_id, detail={"events": len(events)})


def _errored(events: Sequence[Prepared], register: _Register) -> set[str]:
    """Records that are in error: originals of new declarations, and new events that were declared before they came."""
    records = {e.record_id for e in events if not e.declaration and register.declared(e)}
    for event in events:
        if event.declaration and (original := register.original(event)):
            records.add(original.record_id)
    return records


async def _first_seen(uow: UnitOfWork, events: Sequence[Prepared], register: _Register) -> None:
    """Lots of registered products that nobody registered yet become known, with their dates as soon as an event tells
    how they came into being; what is registered stays as it is."""
    lots: dict[str, dict[str, Any]] = {}
    dated: dict[str, dict[str, Any]] = {}
    for event in events:
        for lot_id, told in event.new_lots().items():
            gtin, _, lot = lot_id.partition(".")
            if (product := register.products.get(gtin)) is None:
                continue
            born = any(value is not None for value in told.values()) or lot_id in _born(event)
            produced_on = told["produced_on"] or (shanghai_date(event.at) if born else None)
            expires_on = told["expires_on"]
            if expires_on is None and produced_on is not None and product.shelf_life_days is not None:
                with suppress(OverflowError):  # a day of production at the end of the calendar has no shelf life
                    expires_on = masterdata_rules.expires_on(produced_on, product.shelf_life_days)
            if lot_id in lots and not born:
                continue
            lots[lot_id] = {
                "lot_id": lot_id,
                "gtin": gtin,
                "lot": lot,
                "owner_uscc": product.owner_uscc,
                "produced_on": produced_on,
                "expires_on": expires_on,
                "first_seen_at": uow.now,
                "version": 0,
                "updated_at": uow.now,
            }
            if born:
                dated[lot_id] = lots[lot_id]
    await insert_rows(uow.session, Lot, [lots[lot_id] for lot_id in sorted(lots)], ignore=True)
    await masterdata.date_lots(uow.session, [dated[lot_id] for lot_id in sorted(dated)])


def _born(event: Prepared) -> set[str]:
    made = event.creates()
    return {each.id.node for each in event.objects if each.pointer in made and each.id.lot is not None}
