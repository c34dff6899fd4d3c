"""Opening a recall: of the lots of a producer that is here, or, by an authority, of a supplier that is not."""

from dataclasses import dataclass
from datetime import UTC

from sqlalchemy.exc import IntegrityError

from services.traceability.masterdata import repository as masterdata
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import PartyEnterprise, Product
from services.traceability.recalls import reach, repository, rules
from services.traceability.recalls.models import Recall
from services.traceability.recalls.rulebook import CLOCKS
from services.traceability.recalls.schemas import RecallIn
from services.traceability.recalls.service import event_of, note, note_bound, tell_pages
from services.traceability.recalls.sightings import seen_in
from services.traceability.recalls.title import require_title
from services.traceability.rights.service import lot_titles
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.events.traceability import RecallOpened
from shared.i18n import Text
from shared.reference import workdays

UNKNOWN_PRODUCER = Text("生产者不明", "Producer unknown")


@dataclass(frozen=True, slots=True)
class _Producer:
    """Who recalls. `uscc` is empty where nobody knows it."""

    uscc: str
    name: str
    area_code: str


async def open_recall(uow: UnitOfWork, body: RecallIn) -> Recall:
    """Open a recall: the affected set is frozen and every lot's verdict is `recalled`, all in one commit. Every holder
    has a notice in it too, or soon after where the set is large (`reach.AT_ONCE`).

    Raises Invalid, Forbidden, Conflict (a lot is the root of an open recall already).
    """
    producer = await _producer(uow, body)
    roots = sorted(set(body.lots))
    own = uow.principal.kind == "enterprise"
    found = await reach.freeze(uow.session, roots, late=not own)
    if own:
        await require_title(uow, body.lots, producer.uscc)
    if taken := await repository.open_roots(uow.session, roots):
        raise _taken(body.lots, taken)
    recall = await _new(uow, body, producer)
    uow.session.add(recall)
    try:
        await uow.session.flush()
        joined = await reach.join(uow, recall, found, roots=roots)
    except IntegrityError as error:  # the backstop of the check above: one open recall for each root
        raise _taken(body.lots, {}) from error
    derived = len(joined) - len(roots)
    note(uow, recall, Text(f"开始召回，共 {len(joined)} 个批次", f"Recall opened for {len(joined)} lots in all"))
    note_bound(uow, recall, found)
    uow.publish(RecallOpened(**await event_of(uow, recall)))
    await tell_pages(uow, recall, joined)
    uow.audit("recall.open", subject=recall.recall_id, detail={"number": recall.number, "derived": derived})
    await reach.settle(uow, recall)
    uow.touch("lot", *(lot.lot_id for lot in joined))
    return recall


async def _producer(uow: UnitOfWork, body: RecallIn) -> _Producer:
    """The one producer of the lots, whom the caller may have recall them. Raises Invalid, Forbidden."""
    owners = await _owners(uow, body.lots)
    authority = uow.principal.kind != "enterprise"
    missing = [lot_id for lot_id in body.lots if lot_id not in owners]
    seen = await seen_in(uow.session, missing) if authority else {}
    errors = [
        _unknown_lot(index, lot_id, authority)
        for index, lot_id in enumerate(body.lots)
        if lot_id not in owners and lot_id not in seen
    ]
    if len(set(owners.values())) + bool(seen) > 1:
        zh, en = (
            "一次召回的批次应属于同一生产者，请分别召回",
            "The lots of one recall have one producer; open one for each",
        )
        errors.append(FieldError("/lots", "recall.producers", zh, en))
    if body.learned_at is not None and body.learned_at > uow.now:
        zh, en = "知悉风险的时间不能晚于现在", "The time of learning of the risk cannot be in the future"
        errors.append(FieldError("/learned_at", "recall.learned_in_future", zh, en))
    errors += [
        FieldError(
            f"/{field}",
            "recall.producer_known",
            "批次已有登记的生产者，不能另写；请去掉该字段",
            "The producer of the lots is on the register and cannot be named otherwise; leave the field out",
        )
        for field in ("producer_uscc", "producer_name")
        if owners and getattr(body, field) is not None
    ]
    owner = next(iter(owners.values()), None)
    party = await repository.party(uow.session, owner) if owner else None
    if not errors and owner and party is None:
        zh, en = f"生产者 {owner} 没有登记为主体", f"The producer {owner} is not registered as a party"
        errors.append(FieldError("/lots", "party.unknown", zh, en))
    if errors:
        raise Invalid(errors)
    if party is None:
        return await _outside(uow, body, seen)
    if authority:
        await supervision.require(uow.session, uow.principal, party.uscc)
    else:
        products = await masterdata.by_key(uow.session, Product, {lot_id[:14] for lot_id in body.lots})
        if uow.principal.uscc in {product.owner_uscc for product in products.values()}:
            await require_title(uow, body.lots, uow.principal.uscc or "")  # it registered what others had made before
        uow.principal.require_owner(party.uscc)
    return _Producer(party.uscc, party.name, party.area_code)


async def _owners(uow: UnitOfWork, lot_ids: list[str]) -> dict[str, str]:
    """Lot -> its producer, of those whose product is registered."""
    found = await repository.lots_with_products(uow.session, lot_ids)
    owners = {lot_id: lot.owner_uscc for lot_id, (lot, _) in found.items()}
    others = [lot_id for lot_id in lot_ids if lot_id not in owners]
    products = await masterdata.by_key(uow.session, Product, {lot_id[:14] for lot_id in others})
    named = await seen_in(uow.session, [lot_id for lot_id in others if lot_id[:14] in products])
    owners |= {lot_id: products[lot_id[:14]].owner_uscc for lot_id in named} | await lot_titles(uow.session, named)
    shown = {lot_id for lot_id, (lot, _) in found.items() if lot.shown_to(uow.principal)}
    if uow.principal.kind == "enterprise":  # that somebody spoke of a lot is told to its owner, and to its GTIN's
        products |= {lot_id[:14]: product for lot_id, (_, product) in found.items() if product is not None}
        own = {gtin for gtin, product in products.items() if product.owner_uscc == uow.principal.uscc}
        shown |= {lot_id for lot_id, owner in owners.items() if owner == uow.principal.uscc or lot_id[:14] in own}
        return {lot_id: owner for lot_id, owner in owners.items() if lot_id in shown}
    return owners


def _unknown_lot(index: int, lot_id: str, authority: bool) -> FieldError:
    zh = f"没有批次 {lot_id}；请核对批号，或先登记：PUT /v1/traceability/lots/{{gtin}}/{{lot}}"
    en = f"There is no lot {lot_id}; check the number, or register it: PUT /v1/traceability/lots/{{gtin}}/{{lot}}"
    if authority:
        zh, en = f"{zh}；也没有任何事件提到它", f"{en}; no event names it either"
    else:
        zh = f"{zh}；供应方不在平台上的批次，请报告监管部门，由其责令召回"
        en = f"{en}; of a supplier that is not here, tell a department, which can order the recall"
    return FieldError(f"/lots/{index}", "lot.unknown", zh, en)


async def _outside(uow: UnitOfWork, body: RecallIn, seen: dict[str, set[str]]) -> _Producer:
    """The supplier of lots that only events name: an authority in whose area each of them was seen orders the recall,
    which is its own case from then on."""
    principal = uow.principal
    for lot_id, codes in sorted(seen.items()):
        if not any(principal.may_in(code) for code in codes or {"100000"}):
            raise Forbidden(
                "area",
                zh=f"批次 {lot_id} 没有在您的地区（{principal.area or '无'}）出现过；"
                f"请由 {'、'.join(sorted(codes)) or '全国'} 或其上级地区的部门召回",
                en=f"Lot {lot_id} was not seen in your area ({principal.area or 'none'}); a department of "
                f"{', '.join(sorted(codes)) or 'the nation'}, or of an area above, recalls it",
            )
    name = body.producer_name
    if body.producer_uscc is not None:
        known = (await supervision.of(uow.session, [body.producer_uscc]))[body.producer_uscc]
        if known.area_code is not None or known.register is not None:
            known.require(principal)  # nobody is made the producer of what only others name, but by its own authority
        registered = (
            await repository.party(uow.session, body.producer_uscc),
            (await masterdata.by_key(uow.session, PartyEnterprise, [body.producer_uscc])).get(body.producer_uscc),
        )
        name = next((one.name for one in registered if one is not None), name)
    area = principal.area or "100000"
    return _Producer(body.producer_uscc or "", name or UNKNOWN_PRODUCER.zh, area)


def _taken(lots: list[str], taken: dict[str, Recall]) -> Conflict:
    errors = [
        FieldError(
            f"/lots/{lots.index(lot_id)}",
            "recall.lot_recalled",
            f"批次 {lot_id} 已在召回 {recall.number} 中",
            f"Lot {lot_id} is under recall {recall.number}",
        )
        for lot_id, recall in taken.items()
    ]
    numbers = sorted({recall.number for recall in taken.values()})
    return Conflict(
        "recall.lot_recalled",
        zh="有批次已在召回中，请在该召回里处理",
        en="A lot is under recall already; work on that recall",
        errors=errors,
        recalls=numbers,
    )


async def _new(uow: UnitOfWork, body: RecallIn, producer: _Producer) -> Recall:
    today = shanghai_date(uow.now)
    clock = rules.clock_for(CLOCKS, body.level, today)
    finish = workdays.add(today, clock.finish_workdays)
    learned_at = (body.learned_at or uow.now).astimezone(UTC)  # as it is read again
    own = uow.principal.kind == "enterprise"
    return Recall(
        recall_id=uow.id(),
        number=rules.number(today.year, await repository.next_number(uow.session, today.year)),
        uscc=producer.uscc,
        party_name=producer.name,
        area_code=producer.area_code,
        clock=clock.code,
        learned_at=learned_at,
        opened_at=uow.now,
        opened_by=uow.principal.id,
        ordered=not own,
        started_at=uow.now if own else None,
        start_by=rules.start_by(clock, learned_at),
        finish_by=finish.date,
        finish_by_certain=finish.certain,
        state="open",
        updated_at=uow.now,
        **body.model_dump(include={"level", "reason", "reason_en", "risk", "instructions", "contact"}),
    )
