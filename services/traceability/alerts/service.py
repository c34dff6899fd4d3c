"""Use cases of alerts: opened by rules, acknowledged and closed by persons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.traceability.alerts import repository, rules
from services.traceability.alerts.models import Alert, AlertLot
from services.traceability.alerts.rulebook import RULES, AlertRule
from shared.bus import Received
from shared.clock import shanghai_date
from shared.db import AsyncSession, UnitOfWork
from shared.errors import Conflict, NotFound
from shared.events.credit import ListingPublished, ListingRemoved
from shared.events.traceability import AlertClosed, AlertOpened
from shared.i18n import Text


@dataclass(frozen=True, slots=True)
class Tested:
    """What alerts ask of one version of a test report."""

    test_id: str
    version: int
    kind: str
    result: str
    lot_id: str
    area_code: str
    known_from: datetime
    facts: Text
    """What was found, in a few words."""


async def on_test(uow: UnitOfWork, test: Tested, *, corrected: bool = False) -> list[str]:
    """What a report, or its corrected version, does to the alerts of its lot. Returns the alerts that it opened.

    A report corrected to `pass` frees nothing by itself: the alert says so, and a person closes it.
    """
    cause = f"test:{test.test_id}"
    standing = await repository.by_causes(uow.session, [cause], lock=True) if corrected else []
    if test.result == "pass" or standing:
        for alert in standing:
            note = _correction(test)
            alert.note, alert.note_en = note
            uow.session.add(alert)
        return []
    rule = rules.rule_for(RULES, "test_failed", shanghai_date(uow.now), test.kind)
    if rule is None:
        return []
    summary = Text(f"{rule.title.zh}：{test.facts.zh}", f"{rule.title.en}: {test.facts.en}")
    return [await _open(uow, rule, cause, test.lot_id, test.area_code, summary, [test.lot_id], test.known_from)]


def _correction(test: Tested) -> Text:
    word = Text("合格，请核实后结案", "pass; verify and close") if test.result == "pass" else Text("不合格", "fail")
    return Text(
        f"检验报告已更正（第 {test.version} 版），结论为{word.zh}",
        f"The report was corrected (version {test.version}), its result is {word.en}",
    )


async def opened_by(session: AsyncSession, test_id: str, known_from: datetime) -> list[str]:
    """The alerts that the version of a report opened which is known from then on."""
    found = await repository.by_causes(session, [f"test:{test_id}"], only_open=False)
    return [alert.alert_id for alert in found if alert.opened_at == known_from]


async def on_listing_published(uow: UnitOfWork, events: Sequence[Received[ListingPublished]]) -> None:
    """A black-listed producer of food opens an alert without a hold: the listing marks the producer, not its food."""
    black = {event.data.listing_id: event for event in events if event.data.colour == "black"}
    known = await repository.known_parties(uow.session, [event.data.uscc for event in black.values()])
    standing = {alert.cause for alert in await repository.by_causes(uow.session, [f"listing:{key}" for key in black])}
    for listing_id, event in black.items():
        cause, listing = f"listing:{listing_id}", event.data
        rule = rules.rule_for(RULES, "party_black_listed", shanghai_date(event.time))
        if rule is None or listing.uscc not in known or cause in standing:
            continue
        summary = Text(
            f"{listing.party_name}列入黑榜：{listing.ground}（{listing.document_number}）",
            f"{listing.party_name} was black-listed: {listing.ground_en} ({listing.document_number})",
        )
        await _open(uow, rule, cause, listing.uscc, listing.area_code, summary, [], event.time)


async def on_listing_removed(uow: UnitOfWork, events: Sequence[Received[ListingRemoved]]) -> None:
    """The end of a listing ends its alert."""
    removed = {f"listing:{event.data.listing_id}": event for event in events}
    for alert in await repository.by_causes(uow.session, list(removed)):
        event = removed[alert.cause]
        words = {"expired": "期满", "revoked": "撤销", "repaired": "信用修复"}[event.data.reason]
        reason = f"{event.data.removed_on.isoformat()} 移出黑榜（{words}）"
        await _close(uow, alert, reason, event.time)


async def acknowledge(uow: UnitOfWork, alert_id: str) -> Alert:
    alert = await _load(uow, alert_id)
    values = {"state": "acknowledged", "acknowledged_at": uow.now, "acknowledged_by": uow.principal.id}
    if not await repository.move(uow.session, alert_id, ["open"], **values):
        raise Conflict(
            "alert.state",
            zh="只有未签收的预警可以签收",
            en="Only an alert that nobody has acknowledged can be acknowledged",
            state=alert.state,
        )
    uow.audit("alert.acknowledge", subject=alert_id)
    await uow.session.refresh(alert)
    return alert


async def close(uow: UnitOfWork, alert_id: str, reason: str) -> Alert:
    """A person closes the alert; the lots that it held are free of it in the same commit."""
    alert = await _load(uow, alert_id)
    uow.audit("alert.close", subject=alert_id, detail={"reason": reason})
    await _close(uow, alert, reason, uow.now)
    await uow.session.refresh(alert)
    return alert


async def _load(uow: UnitOfWork, alert_id: str) -> Alert:
    alert = await repository.get(uow.session, alert_id)
    if alert is None:
        raise NotFound("alert", zh=f"没有预警 {alert_id}", en=f"There is no alert {alert_id}")
    uow.principal.require_area(alert.area_code)
    return alert


async def _open(
    uow: UnitOfWork,
    rule: AlertRule,
    cause: str,
    subject: str,
    area_code: str,
    summary: Text,
    lots: list[str],
    at: datetime,
) -> str:
    alert = Alert(
        alert_id=uow.id(),
        rule=rule.code,
        cause=cause,
        occurrence=await repository.occurrences(uow.session, rule.code, cause) + 1,
        subject=subject,
        area_code=area_code,
        holds=rule.holds,
        summary=summary.zh,
        summary_en=summary.en,
        state="open",
        opened_at=at,
    )
    uow.session.add(alert)
    uow.session.add_all(AlertLot(alert_id=alert.alert_id, lot_id=lot_id) for lot_id in lots)
    await uow.session.flush()
    uow.publish(_opened(alert, lots))
    return alert.alert_id


def _opened(alert: Alert, lots: list[str]) -> AlertOpened:
    names = {"alert_id", "rule", "subject", "holds", "opened_at", "summary", "area_code"}
    return AlertOpened(**alert.model_dump(include=names), lots=lots)


async def follow_area(uow: UnitOfWork, uscc: str, former: str, area_code: str) -> None:
    """The open alerts about a firm or its lots that stood in its former area go to its new authority, and are told
    again with its area."""
    standing = await repository.open_about(uow.session, uscc, former)
    lots = await repository.lots_of(uow.session, [alert.alert_id for alert in standing])
    for alert in standing:
        alert.area_code = area_code
        uow.session.add(alert)
        uow.publish(_opened(alert, lots[alert.alert_id]))
    await uow.session.flush()


async def _close(uow: UnitOfWork, alert: Alert, reason: str, at: datetime) -> None:
    values = {"state": "closed", "closed_at": at, "closed_by": uow.principal.id, "close_reason": reason}
    if not await repository.move(uow.session, alert.alert_id, rules.OPEN_STATES, **values):
        raise Conflict("alert.state", zh="预警已经结案", en="The alert is closed already", state="closed")
    lots = (await repository.lots_of(uow.session, [alert.alert_id]))[alert.alert_id]
    await repository.free_lots(uow.session, alert.alert_id)
    uow.publish(AlertClosed(alert_id=alert.alert_id, closed_at=at, reason=reason))
    uow.touch("lot", *lots)
