"""Use cases of recalls: open, start, acknowledge, report quantities, widen, close."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError

from services.traceability.genealogy.service import AFFECTED_DEPTH, AFFECTED_NODES, Affected, AffectedLot
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import Party
from services.traceability.recalls import reach, repository, rules
from services.traceability.recalls.models import Recall, RecallChange, RecallNotice, RecallQuantity
from services.traceability.recalls.reach import UNREGISTERED
from services.traceability.recalls.rulebook import CLOCKS
from services.traceability.recalls.schemas import QuantityIn, RecallCloseIn, RecallIn
from services.traceability.recalls.title import require_title
from services.traceability.verdicts.repository import lock
from services.traceability.verdicts.service import AT_ONCE, publish_lots, publish_members
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.events.traceability import RecallClosed, RecallLot, RecallLotsAdded, RecallOpened, RecallUpdated
from shared.i18n import Text
from shared.reference import workdays


async def open_recall(uow: UnitOfWork, body: RecallIn) -> Recall:
    """Open a recall: the affected set is frozen and every lot's verdict is `recalled`, all in one commit. Every holder
    has a notice in it too, or soon after where the set is large (`reach.AT_ONCE`).

    Raises Invalid, Forbidden, Conflict (a lot is the root of an open recall already).
    """
    producer = await _producer(uow, body)
    await _authorise(uow, producer.uscc)
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
    _note(uow, recall, Text(f"开始召回，共 {len(joined)} 个批次", f"Recall opened for {len(joined)} lots in all"))
    _note_bound(uow, recall, found)
    uow.publish(RecallOpened(**await _event(uow, recall)))
    await _pages(uow, recall, joined)
    uow.audit("recall.open", subject=recall.recall_id, detail={"number": recall.number, "derived": derived})
    await reach.settle(uow, recall)
    await publish_lots(uow, [lot.lot_id for lot in joined])
    return recall


async def _producer(uow: UnitOfWork, body: RecallIn) -> Party:
    found = await repository.lots_with_products(uow.session, body.lots)
    errors = [
        FieldError(
            f"/lots/{index}",
            "lot.unknown",
            f"没有批次 {lot_id}；请核对批号，或先登记：PUT /v1/traceability/lots/{{gtin}}/{{lot}}",
            f"There is no lot {lot_id}; check the number, or register it: PUT /v1/traceability/lots/{{gtin}}/{{lot}}",
        )
        for index, lot_id in enumerate(body.lots)
        if lot_id not in found
    ]
    owners = [found[lot_id][0].owner_uscc for lot_id in body.lots if lot_id in found]
    if len(set(owners)) > 1:
        zh, en = (
            "一次召回的批次应属于同一生产者，请分别召回",
            "The lots of one recall have one producer; open one for each",
        )
        errors.append(FieldError("/lots", "recall.producers", zh, en))
    if body.learned_at is not None and body.learned_at > uow.now:
        zh, en = "知悉风险的时间不能晚于现在", "The time of learning of the risk cannot be in the future"
        errors.append(FieldError("/learned_at", "recall.learned_in_future", zh, en))
    party = await repository.party(uow.session, owners[0]) if owners else None
    if not errors and party is None:
        zh, en = f"生产者 {owners[0]} 没有登记为主体", f"The producer {owners[0]} is not registered as a party"
        errors.append(FieldError("/lots", "party.unknown", zh, en))
    if errors or party is None:
        raise Invalid(errors)
    return party


async def _authorise(uow: UnitOfWork, uscc: str) -> None:
    """The recalling firm itself, or an authority that supervises it today."""
    if uow.principal.kind == "enterprise":
        uow.principal.require_owner(uscc)
    else:
        await supervision.require(uow.session, uow.principal, uscc)


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


async def _new(uow: UnitOfWork, body: RecallIn, producer: Party) -> Recall:
    today = shanghai_date(uow.now)
    clock = rules.clock_for(CLOCKS, body.level, today)
    finish = workdays.add(today, clock.finish_workdays)
    learned_at = body.learned_at or uow.now
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


async def follow_area(uow: UnitOfWork, uscc: str, area_code: str) -> None:
    """The open recalls of a firm go to the authority of its new area with it."""
    for one in await repository.open_of(uow.session, uscc):
        recall = await repository.get(uow.session, one, lock=True)
        if recall is not None and recall.state == "open" and recall.area_code != area_code:
            words = Text(
                f"监管地区由 {recall.area_code} 变更为 {area_code}",
                f"Supervision moved from {recall.area_code} to {area_code}",
            )
            recall.area_code = area_code
            await _updated(uow, recall, words)


async def start(uow: UnitOfWork, recall_id: str) -> Recall:
    """The producer has started to recall. Saying it again changes nothing."""
    recall = await load(uow, recall_id)
    _require_open(recall)
    if recall.started_at is None:
        recall.started_at = uow.now
        await _updated(uow, recall, Text("生产者已启动召回", "The producer has started the recall"))
        uow.audit("recall.start", subject=recall_id)
    return recall


async def acknowledge(uow: UnitOfWork, recall_id: str, holder: str) -> RecallNotice:
    """A holder confirms that it knows; authorities and the recalling firm may record it for the holder."""
    recall = await repository.get(uow.session, recall_id)
    if recall is None:
        raise _unknown(recall_id)
    principal = uow.principal
    if principal.kind == "enterprise" and principal.uscc not in (holder, recall.uscc):
        raise Forbidden("owner", zh="只能确认发给本企业的通知", en="You may acknowledge notices to your own firm only")
    if principal.kind != "enterprise":
        await supervision.require(uow.session, principal, recall.uscc)
    notice = await uow.session.get(RecallNotice, (recall_id, holder))
    if notice is None:
        raise NotFound("notice", zh=f"没有发给 {holder} 的通知", en=f"There is no notice to {holder}")
    if notice.acknowledged_at is None:
        notice.acknowledged_at, notice.acknowledged_by = uow.now, principal.id
        uow.session.add(notice)
        uow.audit("recall.acknowledge", subject=recall_id, detail={"holder": holder})
    return notice


async def report(uow: UnitOfWork, recall_id: str, body: QuantityIn) -> Recall:
    """Add what a holder recovered and destroyed of one lot."""
    recall = await load(uow, recall_id, holder=body.holder)
    _require_open(recall)
    rows = await repository.holding(uow.session, recall_id, body.holder, body.lot_id)
    row = next((row for row in rows if row.uom == body.uom), None)
    if row is None:
        units = "、".join(sorted(one.uom or "件" for one in rows)) or "无"
        known = ", ".join(sorted(one.uom or "pieces" for one in rows)) or "none"
        raise Invalid(
            [
                FieldError(
                    "/uom" if rows else "/holder",
                    "recall.holding_unknown",
                    f"召回中没有 {body.holder} 持有 {body.lot_id} 的这种记录（有记录的单位：{units}）",
                    f"The recall knows no such holding of {body.lot_id} by {body.holder} (units on record: {known})",
                )
            ]
        )
    recovered, destroyed = row.recovered + body.recovered, row.destroyed + body.destroyed
    if rules.too_much(recovered, destroyed):
        zh = f"销毁的总量（{destroyed:f}）不能超过回收的总量（{recovered:f}）"
        en = f"What is destroyed in all ({destroyed:f}) cannot exceed what is recovered ({recovered:f})"
        raise Invalid([FieldError("/destroyed", "recall.destroyed_more", zh, en)])
    row.recovered, row.destroyed = recovered, destroyed
    entry = RecallQuantity(
        entry_id=uow.id(), recall_id=recall_id, reported_at=uow.now, reported_by=uow.principal.id, **body.model_dump()
    )
    uow.session.add_all([row, entry])
    # Everybody reads what happened in the case; who holds and took back how much is business.
    await _updated(
        uow,
        recall,
        Text(
            f"{body.lot_id}：登记了回收和销毁的数量",
            f"{body.lot_id}: what was recovered and destroyed was reported",
        ),
    )
    uow.audit("recall.report", subject=recall_id, detail={"holder": body.holder, "lot_id": body.lot_id})
    return recall


async def extend(uow: UnitOfWork, lot_ids: Iterable[str]) -> None:
    """After a capture: what the new events made of recalled lots, or moved to new holders, joins their recalls, and the
    case says so; a completed recall is reopened.

    `lot_ids`: every lot that the events name or concern, inputs too.
    """
    wanted = sorted(set(lot_ids))
    if not wanted:
        return
    await uow.session.flush()
    # A recall that opens beside this capture waits for it, or this waits for the recall: neither overlooks the other.
    await lock(uow.session, wanted)
    if not await repository.any_in_force(uow.session):
        return
    for recall_id, met in (await repository.touched(uow.session, wanted)).items():
        recall = await repository.get(uow.session, recall_id, lock=True)
        assert recall is not None
        if recall.outcome == "revoked":
            continue
        # What can be new was made of the lots that were met: the rest of the set is not walked again.
        found = await reach.widened(uow.session, recall, met, wanted)
        joined = await reach.join(uow, recall, found)
        await repository.set_counted(uow.session, recall_id, wanted, False)
        await reach.settle(uow, recall)
        if not joined:
            continue
        reopened = recall.state == "closed"
        if reopened:
            recall.state, recall.closed_at, recall.closed_by = "open", None, None
            recall.outcome, recall.outcome_note = None, None
        _note_bound(uow, recall, found)
        await _updated(uow, recall, rules.extension(len(joined), reopened))
        await _pages(uow, recall, joined)
        await publish_lots(uow, [lot.lot_id for lot in joined])


async def close(uow: UnitOfWork, recall_id: str, body: RecallCloseIn) -> Recall:
    """End the case. Completed: the lots stay recalled, as what is left of them must not be eaten. Revoked: they are
    free. Raises Conflict when a completed recall was never started."""
    recall = await load(uow, recall_id)
    _require_open(recall)
    if body.outcome == "completed" and recall.started_at is None:
        raise Conflict(
            "recall.not_started",
            zh="召回还没有启动，不能按完成结案；请先登记启动",
            en="The recall was not started, so it cannot be completed; record its start first",
        )
    recall.state, recall.closed_at, recall.closed_by = "closed", uow.now, uow.principal.id
    recall.outcome, recall.outcome_note, recall.updated_at = body.outcome, body.note, uow.now
    await repository.end_roots(uow.session, recall_id)
    words = {"completed": Text("召回完成", "Recall completed"), "revoked": Text("召回撤销", "Recall revoked")}[
        body.outcome
    ]
    _note(uow, recall, Text(f"{words.zh}：{body.note}", f"{words.en}: {body.note}"))
    uow.publish(
        RecallClosed(
            recall_id=recall_id,
            uscc=recall.uscc,
            closed_at=uow.now,
            outcome=rules.outcome_text(body.outcome, body.note),
        )
    )
    uow.audit("recall.close", subject=recall_id, detail={"outcome": body.outcome})
    if recall.lots_count > AT_ONCE:
        await publish_members(uow, recall_id, await repository.gtins(uow.session, recall_id))
    else:
        await publish_lots(uow, await repository.lot_ids(uow.session, recall_id))
    return recall


async def load(uow: UnitOfWork, recall_id: str, *, holder: str | None = None) -> Recall:
    """The case, locked, for one who may work on it: its firm, a holder for its own part, an authority of the area."""
    recall = await repository.get(uow.session, recall_id, lock=True)
    if recall is None:
        raise _unknown(recall_id)
    if uow.principal.kind != "enterprise" or holder is None or uow.principal.uscc != holder:
        await _authorise(uow, recall.uscc)
    return recall


def _unknown(recall_id: str) -> NotFound:
    return NotFound("recall", zh=f"没有召回 {recall_id}", en=f"There is no recall {recall_id}")


def _require_open(recall: Recall) -> None:
    if recall.state != "open":
        raise Conflict(
            "recall.closed",
            zh=f"召回 {recall.number} 已结案",
            en=f"Recall {recall.number} is closed",
            outcome=recall.outcome,
        )


def _note(uow: UnitOfWork, recall: Recall, change: Text) -> None:
    row = RecallChange(change_id=uow.id(), recall_id=recall.recall_id, at=uow.now, text=change.zh, text_en=change.en)
    uow.session.add(row)


async def _updated(uow: UnitOfWork, recall: Recall, change: Text) -> None:
    recall.updated_at = uow.now
    uow.session.add(recall)
    _note(uow, recall, change)
    await uow.session.flush()
    uow.publish(RecallUpdated(**await _event(uow, recall), change=change.zh, updated_at=uow.now))


async def _event(uow: UnitOfWork, recall: Recall) -> dict[str, Any]:
    rows = (await repository.first_lots(uow.session, [recall.recall_id]))[recall.recall_id]
    names = {"recall_id", "number", "level", "uscc", "party_name", "area_code", "reason", "reason_en", "risk"}
    more = {"instructions", "contact", "opened_at", "start_by", "finish_by", "lots_count"}
    lots = [RecallLot(lot_id=r.lot_id, gtin=r.gtin, lot=r.lot, product_name=r.product_name) for r in rows]
    return recall.model_dump(include=names | more) | {"lots": lots}


async def _pages(uow: UnitOfWork, recall: Recall, joined: Sequence[AffectedLot]) -> None:
    """Tell of the lots that joined."""
    pages = await asyncio.to_thread(_told, joined)
    for number, lots in enumerate(pages, 1):
        uow.publish(
            RecallLotsAdded(
                recall_id=recall.recall_id,
                uscc=recall.uscc,
                lots=lots,
                page=number,
                pages=len(pages),
                lots_count=recall.lots_count,
                changed_at=uow.now,
            )
        )


def _told(joined: Sequence[AffectedLot]) -> list[list[RecallLot]]:
    return rules.paged(
        [
            RecallLot(lot_id=lot.lot_id, gtin=lot.gtin, lot=lot.lot, product_name=lot.product_name or UNREGISTERED)
            for lot in joined
        ]
    )


def _note_bound(uow: UnitOfWork, recall: Recall, found: Affected) -> None:
    if found.truncated:
        zh = f"范围达到上限（{AFFECTED_NODES:,} 个节点或 {AFFECTED_DEPTH} 层），可能还有批次没有列入，请核查"
        en = (
            f"The set reached its bound ({AFFECTED_NODES:,} nodes or {AFFECTED_DEPTH} levels): lots may be missing, "
            "check it"
        )
        _note(uow, recall, Text(zh, en))
