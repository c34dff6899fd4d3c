"""Routes of recalls."""

from typing import Literal

from fastapi import Request

from services.traceability.callers import STAFF
from services.traceability.recalls import asks, opening, repository, service, views
from services.traceability.recalls.models import Recall, RecallNotice
from services.traceability.recalls.rulebook import CLOCKS
from services.traceability.recalls.schemas import (
    AskOut,
    ClockOut,
    HeldOut,
    NoticeOut,
    QuantityIn,
    RecallCloseIn,
    RecallIn,
    RecallLotOut,
    RecallOut,
    RecallSummary,
)
from services.traceability.recalls.supervised import supervised
from shared.auth import Department, Enterprise, Public, Staff
from shared.db import AsyncSession
from shared.errors import Forbidden, NotFound
from shared.web import (
    CurrentPlatform,
    CurrentPrincipal,
    Page,
    ReadSession,
    Router,
    Uow,
    allow,
    page_of,
    page_params,
    problem,
)
from shared.web.paging import Keyset

router = Router(prefix="/v1/traceability", tags=["recalls"])
_RECALLS = Keyset("recalls", str)
_NOTICES = Keyset("notices", lambda text: bool(("0", "1").index(text)), str)
"""Whether it is acknowledged, and the recall."""
WORKERS = (Staff("case_officer"), Department("traceability:recalls:write"), Enterprise())
MOST_NOTICES = 500
_STEP = problem(400, 401, 403, 404, 409, 422)


@router.post("/recalls", status_code=201, response_model=RecallOut, responses=problem(400, 401, 403, 409, 422))
@allow(*WORKERS, area="the producer's area", owner="the producer of the lots")
async def open_recall(body: RecallIn, uow: Uow) -> RecallOut:
    """发起召回 / Open a recall. The whole affected set is recalled in the same commit."""
    recall = await opening.open_recall(uow, body)
    location = {"Location": f"/v1/traceability/recalls/{recall.recall_id}"}
    await uow.session.flush()
    return uow.answer(await views.case(uow.session, recall, uow.principal, uow.now), 201, location)


@router.get("/recalls/rules", response_model=list[ClockOut])
@allow(Public())
async def list_clocks() -> list[ClockOut]:
    """召回时限 / The legal clock of each level, with its source and whether its article was verified."""
    return [views.clock_out(clock) for clock in CLOCKS]


@router.get("/recalls", response_model=Page[RecallSummary], responses=problem(401, 403, 422))
@allow(Public())
async def list_recalls(
    session: ReadSession,
    principal: CurrentPrincipal,
    platform: CurrentPlatform,
    params: page_params,
    state: Literal["open", "closed"] | None = None,
    uscc: str | None = None,
    lot_id: str | None = None,
    overdue: bool = False,
) -> Page[RecallSummary]:
    """召回公告 / Recalls, newest first. `overdue=true` (staff): late duties of firms that the caller supervises."""
    if overdue and principal.kind != "staff":
        raise Forbidden("not_granted", zh="逾期清单只供工作人员查看", en="The list of overdue duties is for staff")
    now = platform.clock.now()
    rows = await repository.page(
        session,
        state=state,
        uscc=uscc,
        lot_id=lot_id,
        overdue_at=now if overdue else None,
        of=principal if overdue else None,
        limit=params.limit,
        after=_RECALLS.after(params.cursor),
    )
    page = page_of(rows, params.limit, _RECALLS, lambda row: (row.recall_id,))
    return Page(items=await views.summaries(session, page.items, now), next=page.next)


@router.get("/recalls/{recall_id}", response_model=RecallOut, responses=problem(401, 404))
@allow(Public(), private=True)
async def read_recall(
    recall_id: str, session: ReadSession, principal: CurrentPrincipal, platform: CurrentPlatform
) -> RecallOut:
    """一个召回 / One recall. Holders and quantities are shown to authorities and to the recalling firm only."""
    recall = await _get(session, recall_id)
    return await views.case(session, recall, principal, platform.clock.now())


@router.get("/recalls/{recall_id}/lots", response_model=Page[RecallLotOut], responses=problem(404, 422))
@allow(Public())
async def list_lots(recall_id: str, session: ReadSession, params: page_params) -> Page[RecallLotOut]:
    """召回的批次 / All lots of a recall, roots first, then in the order in which they joined."""
    await _get(session, recall_id)
    [position] = views.LOTS.after(params.cursor) or (0,)
    rows = await repository.lots_after(session, recall_id, position, params.limit + 1)
    page = page_of(rows, params.limit, views.LOTS, lambda row: (row.position,))
    return Page(items=[views.lot_out(row) for row in page.items], next=page.next)


@router.get("/recalls/{recall_id}/holdings", response_model=Page[HeldOut], responses=problem(401, 403, 404, 422))
@allow(
    Enterprise(),
    Department("traceability:recalls:write"),
    STAFF,
    area="the recall's area",
    owner="the recalling firm; a holder for its own part",
    private=True,
)
async def list_holdings(
    recall_id: str, session: ReadSession, principal: CurrentPrincipal, params: page_params
) -> Page[HeldOut]:
    """持有情况 / Who holds how much of which lot, by holder and lot. A holder sees its own part."""
    recall = await _get(session, recall_id)
    everyone = views.sees_all(recall, principal, await supervised(session, recall))
    if not everyone and principal.kind != "enterprise":
        raise Forbidden("area", zh="只能查看本地区召回的持有情况", en="You see the holdings of recalls in your area")
    rows = await repository.holdings(
        session,
        recall_id,
        holder=None if everyone else principal.uscc,
        claimed=views.sees_claims(recall, principal),
        after=views.HELD.after(params.cursor),
        limit=params.limit + 1,
    )
    page = page_of(rows, params.limit, views.HELD, views.holding_key)
    return Page(items=[views.held_out(row, principal) for row in page.items], next=page.next)


@router.get("/recalls/{recall_id}/to-ask", response_model=Page[AskOut], responses=problem(401, 403, 404, 422))
@allow(
    Enterprise(),
    Department("traceability:recalls:write"),
    STAFF,
    area="the recall's area",
    owner="the recalling firm",
    private=True,
)
async def list_asks(
    recall_id: str, session: ReadSession, principal: CurrentPrincipal, params: page_params
) -> Page[AskOut]:
    """待询问 / What the lots may have gone into besides, as only one side says, in the order of the events."""
    recall = await _get(session, recall_id)
    if not views.sees_all(recall, principal, await supervised(session, recall)):
        raise Forbidden(
            "area",
            zh="待询问清单只供召回企业和本地区的监管部门查看",
            en="The duties to ask are for the recalling firm and authorities of its area",
        )
    after = views.ASKS.after(params.cursor)
    rows = await asks.page(session, recall_id, after=after, limit=params.limit + 1)
    page = page_of(rows, params.limit, views.ASKS, views.ask_key)
    return Page(items=asks.out(page.items, principal), next=page.next)


async def _get(session: AsyncSession, recall_id: str) -> Recall:
    recall = await repository.get(session, recall_id)
    if recall is None:
        raise NotFound("recall", zh=f"没有召回 {recall_id}", en=f"There is no recall {recall_id}")
    return recall


@router.post("/recalls/{recall_id}:start", response_model=RecallOut, responses=_STEP)
@allow(*WORKERS, area="the recall's area", owner="the recalling firm")
async def start_recall(recall_id: str, uow: Uow) -> RecallOut:
    """登记启动 / The firm has started to recall."""
    recall = await service.start(uow, recall_id)
    return uow.answer(await views.case(uow.session, recall, uow.principal, uow.now))


@router.post("/recalls/{recall_id}/notices/{holder}:acknowledge", response_model=NoticeOut, responses=_STEP)
@allow(*WORKERS, area="the recall's area", owner="the holder, or the recalling firm for it")
async def acknowledge_notice(recall_id: str, holder: str, uow: Uow) -> NoticeOut:
    """确认通知 / A holder confirms that it knows. Repeating it changes nothing."""
    notice = await service.acknowledge(uow, recall_id, holder)
    recall = await repository.get(uow.session, recall_id)
    assert recall is not None
    lots = (await repository.held_by(uow.session, holder, [recall_id]))[recall_id]
    return uow.answer(views.notice_out(notice, recall, lots))


@router.get("/notices", response_model=list[NoticeOut] | Page[NoticeOut], responses=problem(401, 403, 422))
@allow(Enterprise(), owner="notices to the caller", private=True)
async def list_notices(
    request: Request, session: ReadSession, principal: CurrentPrincipal, params: page_params
) -> list[NoticeOut] | Page[NoticeOut]:
    """本企业收到的召回通知 / Recall notices to the caller's firm, those not acknowledged first.

    With `limit` or `cursor` a page; without either the bare list of the first 500, as it was before there were pages,
    with the address of the others in the header `Link`.
    """
    assert principal.uscc is not None
    paged = not {"limit", "cursor"}.isdisjoint(request.query_params)
    limit = params.limit if paged else MOST_NOTICES
    after = _NOTICES.after(params.cursor)
    rows = await repository.notices_to(session, principal.uscc, after=after, limit=limit + 1)
    page = page_of(rows, limit, _NOTICES, _notice_key)
    lots = await repository.held_by(session, principal.uscc, [recall.recall_id for _, recall in page.items])
    items = [views.notice_out(notice, recall, lots[recall.recall_id]) for notice, recall in page.items]
    return Page(items=items, next=page.next) if paged else items


def _notice_key(row: tuple[RecallNotice, Recall]) -> tuple[int, str]:
    notice, recall = row
    return int(notice.acknowledged_at is not None), recall.recall_id


@router.post("/recalls/{recall_id}/quantities", status_code=201, response_model=RecallOut, responses=_STEP)
@allow(*WORKERS, area="the recall's area", owner="the holder, or the recalling firm for it")
async def report_quantities(recall_id: str, body: QuantityIn, uow: Uow) -> RecallOut:
    """登记回收和销毁数量 / Add what a holder recovered and destroyed. Use an Idempotency-Key: amounts add up."""
    recall = await service.report(uow, recall_id, body)
    await uow.session.flush()
    return uow.answer(await views.case(uow.session, recall, uow.principal, uow.now), 201)


@router.post("/recalls/{recall_id}:close", response_model=RecallOut, responses=_STEP)
@allow(Staff("case_officer", "reviewer"), area="the recall's area")
async def close_recall(recall_id: str, body: RecallCloseIn, uow: Uow) -> RecallOut:
    """召回结案 / Close: `completed` leaves the lots recalled, `revoked` frees them."""
    recall = await service.close(uow, recall_id, body)
    await uow.session.flush()
    return uow.answer(await views.case(uow.session, recall, uow.principal, uow.now))
