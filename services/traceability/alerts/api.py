"""Routes of alerts."""

from typing import Literal

from services.traceability.alerts import repository, service
from services.traceability.alerts.models import Alert
from services.traceability.alerts.rulebook import RULES
from services.traceability.alerts.schemas import AlertOut, CloseIn, RuleOut
from shared.auth import Public, Staff
from shared.auth.reading import ALERTS
from shared.errors import NotFound
from shared.web import CurrentPrincipal, Page, ReadSession, Router, Uow, allow, page_of, page_params, problem
from shared.web.paging import Keyset

router = Router(prefix="/v1/traceability", tags=["alerts"])
_ALERTS = Keyset("alerts", str)


@router.get("/alerts/rules", response_model=list[RuleOut])
@allow(Public())
async def list_rules() -> list[RuleOut]:
    """预警规则 / Every rule with its source and days."""
    return [
        RuleOut(
            code=rule.code,
            trigger=rule.trigger,
            kinds=sorted(rule.kinds),
            holds=rule.holds,
            title=rule.title.zh,
            title_en=rule.title.en,
            source=rule.source.zh,
            source_en=rule.source.en,
            article=rule.article,
            status=rule.status,
            valid_from=rule.valid_from.isoformat(),
            valid_until=rule.valid_until.isoformat() if rule.valid_until else None,
        )
        for rule in RULES
    ]


@router.get("/alerts", response_model=Page[AlertOut], responses=problem(401, 403, 422))
@allow(*ALERTS.grants, area="the caller's area and those below it", private=True)
async def list_alerts(
    session: ReadSession,
    principal: CurrentPrincipal,
    params: page_params,
    state: Literal["open", "acknowledged", "closed"] | None = None,
    subject: str | None = None,
) -> Page[AlertOut]:
    """Newest first. `state=open` includes acknowledged ones: both still hold."""
    rows = await repository.page(
        session,
        state=state,
        subject=subject,
        area=principal.area,
        limit=params.limit,
        after=_ALERTS.after(params.cursor),
    )
    page = page_of(rows, params.limit, _ALERTS, lambda row: (row.alert_id,))
    lots = await repository.lots_of(session, [row.alert_id for row in page.items])
    return Page(items=[out(row, lots[row.alert_id]) for row in page.items], next=page.next)


@router.get("/alerts/{alert_id}", response_model=AlertOut, responses=problem(401, 403, 404))
@allow(*ALERTS.grants, area="the alert's area", private=True)
async def read_alert(alert_id: str, session: ReadSession, principal: CurrentPrincipal) -> AlertOut:
    row = await repository.get(session, alert_id)
    if row is None:
        raise NotFound("alert", zh=f"没有预警 {alert_id}", en=f"There is no alert {alert_id}")
    principal.require_area(row.area_code)
    return out(row, (await repository.lots_of(session, [alert_id]))[alert_id])


@router.post("/alerts/{alert_id}:acknowledge", response_model=AlertOut, responses=problem(401, 403, 404, 409))
@allow(Staff("inspector", "case_officer", "reviewer"), area="the alert's area")
async def acknowledge_alert(alert_id: str, uow: Uow) -> AlertOut:
    """签收预警 / Say that somebody is at it. The hold goes on."""
    row = await service.acknowledge(uow, alert_id)
    return uow.answer(out(row, (await repository.lots_of(uow.session, [alert_id]))[alert_id]))


@router.post("/alerts/{alert_id}:close", response_model=AlertOut, responses=problem(400, 401, 403, 404, 409, 422))
@allow(Staff("reviewer"), area="the alert's area")
async def close_alert(alert_id: str, body: CloseIn, uow: Uow) -> AlertOut:
    """预警结案 / Close with a reason: the lots that it held are free of it."""
    row = await service.close(uow, alert_id, body.reason)
    return uow.answer(out(row, (await repository.lots_of(uow.session, [alert_id]))[alert_id]))


def out(row: Alert, lots: list[str]) -> AlertOut:
    return AlertOut.model_validate(row.model_dump(exclude={"occurrence"}) | {"lots": lots})
