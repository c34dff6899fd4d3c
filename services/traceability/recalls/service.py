"""Use cases of recalls: start, acknowledge, report quantities, widen, close."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from services.traceability.genealogy.service import AFFECTED_DEPTH, AFFECTED_NODES, Affected, AffectedLot
from services.traceability.graph import repository as graph
from services.traceability.masterdata.locks import lock
from services.traceability.recalls import reach, repository, rules, uncounted
from services.traceability.recalls.models import MOST, Recall, RecallChange, RecallHolding, RecallNotice, RecallQuantity
from services.traceability.recalls.schemas import QuantityIn, RecallCloseIn
from services.traceability.recalls.supervised import supervised
from shared.db import UnitOfWork
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.events.traceability import RecallClosed, RecallLot, RecallLotsAdded, RecallUpdated
from shared.i18n import Text

REPORTED = Text("登记了回收和销毁的数量", "What was recovered and destroyed was reported")


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
            await updated(uow, recall, words)


async def start(uow: UnitOfWork, recall_id: str) -> Recall:
    """The producer has started to recall. Saying it again changes nothing."""
    recall = await load(uow, recall_id)
    _require_open(recall)
    if recall.started_at is None:
        recall.started_at = uow.now
        await updated(uow, recall, Text("生产者已启动召回", "The producer has started the recall"))
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
        (await supervised(uow.session, recall)).require(principal)
    notice = await uow.session.get(RecallNotice, (recall_id, holder))
    if notice is None or await _hidden(uow, recall, holder):
        raise NotFound("notice", zh=f"没有发给 {holder} 的通知", en=f"There is no notice to {holder}")
    if notice.acknowledged_at is None:
        notice.acknowledged_at, notice.acknowledged_by = uow.now, principal.id
        uow.session.add(notice)
        uow.audit("recall.acknowledge", subject=recall_id, detail={"holder": holder})
    return notice


async def _hidden(uow: UnitOfWork, recall: Recall, holder: str) -> bool:
    """What a holder only claims is shown to itself and to authorities, not to the recalling firm."""
    if uow.principal.uscc != recall.uscc or holder == recall.uscc:
        return False
    rows = await repository.holdings(uow.session, recall.recall_id, holder=holder, claimed=False, after=None, limit=1)
    return not rows


async def report(uow: UnitOfWork, recall_id: str, body: QuantityIn) -> Recall:
    """Add what a holder recovered and destroyed of one lot."""
    recall = await load(uow, recall_id, holder=body.holder)
    _require_open(recall)
    rows = await repository.holding(uow.session, recall_id, body.holder, body.lot_id)
    if uow.principal.uscc == recall.uscc != body.holder:
        rows = [row for row in rows if row.confirmed]
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
    row.recovered, row.destroyed = _totals(row, body)
    entry = RecallQuantity(
        entry_id=uow.id(), recall_id=recall_id, reported_at=uow.now, reported_by=uow.principal.id, **body.model_dump()
    )
    uow.session.add_all([row, entry])
    if row.confirmed:  # what nobody confirmed is for authorities: it changes nothing of what everybody reads
        # Everybody reads what happened in the case; who holds and took back how much is business. However many reports
        # come, they are one line: they must not push out what the case itself did.
        await repository.drop_change(uow.session, recall_id, REPORTED.zh)
        await updated(uow, recall, REPORTED, replaces=True)
    uow.audit("recall.report", subject=recall_id, detail={"holder": body.holder, "lot_id": body.lot_id})
    return recall


def _totals(row: RecallHolding, body: QuantityIn) -> tuple[Decimal, Decimal]:
    """What was recovered and destroyed in all, with this report. Raises Invalid."""
    recovered, destroyed = row.recovered + body.recovered, row.destroyed + body.destroyed
    if not (body.recovered or body.destroyed):
        zh = "回收和销毁的数量不能都是 0；没有回收或销毁的，不用登记"
        en = "One of the two amounts is above 0; where nothing was recovered or destroyed there is nothing to report"
        raise Invalid([FieldError("/recovered", "recall.nothing_reported", zh, en)])
    if recovered > MOST:
        zh = f"回收的总量（{recovered:f}）超过可登记的上限 {MOST:f}；请核对数量和计量单位"
        en = f"What is recovered in all ({recovered:f}) is beyond {MOST:f}, the most; check the amount and the unit"
        raise Invalid([FieldError("/recovered", "recall.amount_bound", zh, en)])
    if rules.too_much(recovered, destroyed):  # so it is within the bound, too
        zh = f"销毁的总量（{destroyed:f}）不能超过回收的总量（{recovered:f}）"
        en = f"What is destroyed in all ({destroyed:f}) cannot exceed what is recovered ({recovered:f})"
        raise Invalid([FieldError("/destroyed", "recall.destroyed_more", zh, en)])
    return recovered, destroyed


async def follow(uow: UnitOfWork, nodes: Collection[str], *, grows: bool = True) -> None:
    """What was said of the nodes is known otherwise than before: recalls grow by what it leads to, and the verdicts of
    all lots whose way it is follow."""
    concerned = await graph.concerned_lots(uow.session, nodes)
    if grows:
        await extend(uow, concerned, await graph.said_inside(uow.session, nodes))
    uow.touch("lot", *concerned)


async def extend(uow: UnitOfWork, lot_ids: Iterable[str], said: Iterable[str] = ()) -> None:
    """After a capture: what the new events made of recalled lots, or moved to new holders, joins their recalls, and the
    case says so; a completed recall is reopened.

    `lot_ids`: every lot that the events name or concern, inputs too. `said`: those of which anybody says that they are
    in what the events name: no set grows by it, but whoever speaks of them now is told.
    """
    wanted = sorted(set(lot_ids))
    besides = set(said) - set(wanted)
    if not (wanted or besides):
        return
    await uow.session.flush()
    # A recall that opens beside this capture waits for it, or this waits for the recall: neither overlooks the other.
    await lock(uow.session, {*wanted, *besides})
    if not await repository.any_in_force(uow.session):
        return
    grown = await repository.touched(uow.session, wanted)
    told = await repository.recalls_of(uow.session, besides)
    for recall_id in sorted(grown.keys() | told.keys()):
        recall = await repository.get(uow.session, recall_id, lock=True)
        assert recall is not None
        if recall.outcome == "revoked":
            continue
        await uncounted.set_counted(uow.session, recall_id, told.get(recall_id, ()), False)
        met = grown.get(recall_id)
        if met is None:
            await reach.settle(uow, recall)
            continue
        # What can be new was made of the lots that were met: the rest of the set is not walked again.
        found = await reach.widened(uow.session, recall, met, wanted)
        joined = await reach.join(uow, recall, found)
        await uncounted.set_counted(uow.session, recall_id, wanted, False)
        await reach.settle(uow, recall)
        if not joined:
            continue
        reopened = recall.state == "closed"
        if reopened:
            recall.state, recall.closed_at, recall.closed_by = "open", None, None
            recall.outcome, recall.outcome_note = None, None
        note_bound(uow, recall, found)
        await updated(uow, recall, rules.extension(len(joined), reopened))
        await tell_pages(uow, recall, joined)
        uow.touch("lot", *(lot.lot_id for lot in joined))


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
    note(uow, recall, Text(f"{words.zh}：{body.note}", f"{words.en}: {body.note}"))
    uow.publish(
        RecallClosed(
            recall_id=recall_id,
            uscc=recall.uscc,
            closed_at=uow.now,
            outcome=rules.outcome_text(body.outcome, body.note),
        )
    )
    uow.audit("recall.close", subject=recall_id, detail={"outcome": body.outcome})
    uow.touch("recall", recall_id)
    return recall


async def load(uow: UnitOfWork, recall_id: str, *, holder: str | None = None) -> Recall:
    """The case, locked, for one who may work on it: its firm, a holder for its own part, an authority of the area."""
    recall = await repository.get(uow.session, recall_id, lock=True)
    if recall is None:
        raise _unknown(recall_id)
    if uow.principal.kind != "enterprise" or holder is None or uow.principal.uscc != holder:
        await authorise(uow, recall)
    return recall


async def authorise(uow: UnitOfWork, recall: Recall) -> None:
    """The recalling firm itself, or an authority that supervises the case today."""
    if uow.principal.kind == "enterprise":
        uow.principal.require_owner(recall.uscc)
    else:
        (await supervised(uow.session, recall)).require(uow.principal)


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


def note(uow: UnitOfWork, recall: Recall, change: Text) -> None:
    row = RecallChange(change_id=uow.id(), recall_id=recall.recall_id, at=uow.now, text=change.zh, text_en=change.en)
    uow.session.add(row)


async def updated(uow: UnitOfWork, recall: Recall, change: Text, *, replaces: bool = False) -> None:
    """`replaces`: the line takes the place of the earlier one with the same words."""
    recall.updated_at = uow.now
    uow.session.add(recall)
    note(uow, recall, change)
    await uow.session.flush()
    body = await event_of(uow, recall)
    uow.publish(RecallUpdated(**body, change=change.zh, updated_at=uow.now, replaces=replaces))


async def event_of(uow: UnitOfWork, recall: Recall) -> dict[str, Any]:
    rows = (await repository.first_lots(uow.session, [recall.recall_id]))[recall.recall_id]
    names = {"recall_id", "number", "level", "uscc", "party_name", "area_code", "reason", "reason_en", "risk"}
    more = {"instructions", "contact", "opened_at", "start_by", "finish_by", "lots_count"}
    lots = [RecallLot(lot_id=r.lot_id, gtin=r.gtin, lot=r.lot, product_name=r.product_name) for r in rows]
    return recall.model_dump(include=names | more) | {"lots": lots}


async def tell_pages(uow: UnitOfWork, recall: Recall, joined: Sequence[AffectedLot]) -> None:
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
            RecallLot(
                lot_id=lot.lot_id, gtin=lot.gtin, lot=lot.lot, product_name=lot.product_name or repository.UNREGISTERED
            )
            for lot in joined
        ]
    )


def note_bound(uow: UnitOfWork, recall: Recall, found: Affected) -> None:
    if found.truncated:
        zh = f"范围达到上限（{AFFECTED_NODES:,} 个节点或 {AFFECTED_DEPTH} 层），可能还有批次没有列入，请核查"
        en = (
            f"The set reached its bound ({AFFECTED_NODES:,} nodes or {AFFECTED_DEPTH} levels): lots may be missing, "
            "check it"
        )
        note(uow, recall, Text(zh, en))
