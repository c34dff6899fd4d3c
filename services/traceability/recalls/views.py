"""A case as its reader may see it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.traceability.masterdata.supervision import Supervision
from services.traceability.recalls import asks, repository, rules, uncounted
from services.traceability.recalls.models import MOST, Recall, RecallHolding, RecallLot, RecallNotice
from services.traceability.recalls.rulebook import CLOCKS, RecallClock
from services.traceability.recalls.schemas import (
    ChangeOut,
    ClockOut,
    DutyOut,
    HeldOut,
    HolderOut,
    HoldingOut,
    NoticeCount,
    NoticeOut,
    PersistentDisposition,
    RecallLotOut,
    RecallOut,
    RecallSummary,
)
from services.traceability.recalls.supervised import supervised
from shared.auth import Principal
from shared.auth.reading import RECALL_HOLDERS
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.web.paging import Keyset, position

HOLDINGS = 500
CHANGES = 200
PATH = "/v1/traceability/recalls"
LOTS = Keyset("recall-lots", position)
HELD = Keyset("recall-holdings", str, str, str)
ASKS = Keyset("recall-asks", str, str)


async def summaries(session: AsyncSession, recalls: Sequence[Recall], now: datetime) -> list[RecallSummary]:
    lots = await repository.first_lots(session, [recall.recall_id for recall in recalls])
    return [RecallSummary(**_summary(recall, lots[recall.recall_id], now)) for recall in recalls]


async def case(session: AsyncSession, recall: Recall, principal: Principal, now: datetime) -> RecallOut:
    lots = (await repository.first_lots(session, [recall.recall_id]))[recall.recall_id]
    sent, acknowledged = await repository.count_notices(
        session, recall.recall_id, claimed=principal.kind in ("department", "staff")
    )
    changes = await repository.changes(session, recall.recall_id, CHANGES)
    waiting = await uncounted.count(session, recall.recall_id)
    revoked = recall.outcome == "revoked"
    known = await supervised(session, recall)
    holders, following = await _holders(session, recall, principal, known)
    return RecallOut(
        **_summary(recall, lots, now),
        risk=recall.risk,
        instructions=recall.instructions,
        contact=recall.contact,
        outcome_note=recall.outcome_note,
        clock=clock_out(next(clock for clock in CLOCKS if clock.code == recall.clock)),
        lots_counted=recall.lots_count - waiting,
        changes=[ChangeOut(at=row.at, change=row.text, change_en=row.text_en) for row in changes],
        notices=NoticeCount(sent=sent, acknowledged=acknowledged),
        persistent_disposition=PersistentDisposition(
            set=[] if revoked else ["recalled"], unset=["recalled"] if revoked else []
        ),
        holders=holders,
        holders_next=following,
        **await _to_ask(session, recall, principal, known),
    )


async def _to_ask(session: AsyncSession, recall: Recall, principal: Principal, known: Supervision) -> dict[str, Any]:
    """What the set may have gone into besides, as only one side says: the first, how many, and where the others are."""
    if not sees_all(recall, principal, known):
        return {}
    rows = await asks.page(session, recall.recall_id, after=None, limit=asks.FIRST + 1)
    first, more = rows[: asks.FIRST], len(rows) > asks.FIRST
    return {
        "to_ask": asks.out(first, principal),
        "to_ask_count": await asks.count(session, recall.recall_id) if more else len(first),
        "to_ask_next": f"{PATH}/{recall.recall_id}/to-ask?cursor={ASKS.cursor(*ask_key(first[-1]))}" if more else None,
    }


def ask_key(row: Any) -> tuple[str, str]:
    return row.record_id, row.to_node


def sees_all(recall: Recall, principal: Principal, known: Supervision) -> bool:
    if principal.kind == "enterprise":
        return principal.uscc == recall.uscc
    return known.shown(RECALL_HOLDERS, principal)


def sees_claims(recall: Recall, principal: Principal) -> bool:
    """What others only say of themselves is for authorities, and for each who said it; not for the recalling firm."""
    return principal.uscc != recall.uscc or principal.kind != "enterprise"


def _summary(recall: Recall, lots: Sequence[RecallLot], now: datetime) -> dict[str, Any]:
    duties = rules.overdue(
        recall.state, recall.started_at is not None, recall.start_by, recall.finish_by, now, shanghai_date(now)
    )
    more = lots and recall.lots_count > len(lots)
    return recall.model_dump(include=set(RecallSummary.model_fields)) | {
        "lots": [lot_out(lot) for lot in lots],
        "lots_next": f"{PATH}/{recall.recall_id}/lots?cursor={LOTS.cursor(lots[-1].position)}"
        if more and lots
        else None,
        "overdue": [
            DutyOut(code=duty.code, due=duty.due.isoformat(), text=duty.text.zh, text_en=duty.text.en)
            for duty in duties
        ],
    }


def lot_out(lot: RecallLot) -> RecallLotOut:
    return RecallLotOut(**lot.model_dump(include=set(RecallLotOut.model_fields)))


async def _holders(
    session: AsyncSession, recall: Recall, principal: Principal, known: Supervision
) -> tuple[list[HolderOut] | None, str | None]:
    """All of them, or a holder its own part; and the address of those that have no place here."""
    everyone = sees_all(recall, principal, known)
    if not everyone and principal.kind != "enterprise":
        return None, None
    holder = None if everyone else principal.uscc
    claimed = sees_claims(recall, principal)
    rows = await repository.holdings(
        session, recall.recall_id, holder=holder, claimed=claimed, after=None, limit=HOLDINGS + 1
    )
    if not rows and not everyone:
        return None, None
    rows, more = rows[:HOLDINGS], len(rows) > HOLDINGS
    by_holder: dict[str, list[RecallHolding]] = {}
    for row in rows:
        by_holder.setdefault(row.holder, []).append(row)
    told = await repository.notices(session, recall.recall_id, by_holder)
    found = [_holder(recall, holder, told.get(holder), held, principal) for holder, held in by_holder.items()]
    return found, f"{PATH}/{recall.recall_id}/holdings?cursor={HELD.cursor(*holding_key(rows[-1]))}" if more else None


def holding_key(row: RecallHolding) -> tuple[str, str, str]:
    return row.holder, row.lot_id, row.uom


def held_out(row: RecallHolding, principal: Principal) -> HeldOut:
    return HeldOut(**_figures(row, principal), holder=row.holder)


def _figures(row: RecallHolding, principal: Principal) -> dict[str, Any]:
    """Nobody has less than nothing: what is missing is a question for authorities."""
    missing = -row.on_hand if row.on_hand < 0 and principal.kind != "enterprise" else None
    shown = row.model_dump(include=set(HoldingOut.model_fields))
    at_least = MOST in (row.received, abs(row.on_hand), row.sold, row.expected)
    return shown | {"on_hand": max(row.on_hand, Decimal(0)), "discrepancy": missing, "at_least": at_least}


def _holder(
    recall: Recall, holder: str, notice: RecallNotice | None, rows: Sequence[RecallHolding], principal: Principal
) -> HolderOut:
    own = holder == recall.uscc
    return HolderOut(
        holder=holder,
        name=recall.party_name if own else notice.holder_name if notice else None,
        notified_at=notice.notified_at if notice else recall.opened_at,
        acknowledged_at=recall.started_at if own else notice.acknowledged_at if notice else None,
        confirmed=any(row.confirmed for row in rows),
        holdings=[HoldingOut(**_figures(row, principal)) for row in rows],
    )


def clock_out(clock: RecallClock) -> ClockOut:
    return ClockOut(
        code=clock.code,
        level=clock.level,
        meaning=clock.meaning.zh,
        meaning_en=clock.meaning.en,
        start_hours=clock.start_hours,
        finish_workdays=clock.finish_workdays,
        source=clock.source.zh,
        source_en=clock.source.en,
        start_article=clock.start_article,
        finish_article=clock.finish_article,
        status=clock.status,
        valid_from=clock.valid_from,
        valid_until=clock.valid_until,
    )


def notice_out(notice: RecallNotice, recall: Recall, held: tuple[list[str], int]) -> NoticeOut:
    shared = recall.model_dump(include=set(NoticeOut.model_fields) - {"lots", "lots_count"})
    lots, count = held
    more = count > len(lots)
    return NoticeOut(
        **shared
        | notice.model_dump(include=set(NoticeOut.model_fields))
        | {"lots": lots, "lots_count": count, "lots_next": f"{PATH}/{recall.recall_id}/holdings" if more else None}
    )
