"""Use cases on recorded violations: correct, withdraw, publish."""

from typing import Any

from pydantic import ValidationError

from services.credit.people import require_department
from services.credit.rulebook.law import law_of
from services.credit.rulebook.rules import deadline
from services.credit.violations import publication, repository, rules
from services.credit.violations.intake import is_serious
from services.credit.violations.messages import PenaltiesFell, SeriousViolations
from services.credit.violations.models import Violation
from services.credit.violations.receipts import receipt
from services.credit.violations.rules import Act, Outlook
from services.credit.violations.schemas import Correction, Publication, ViolationIn, Withdrawal
from shared.db import UnitOfWork
from shared.db.types import dumps
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.events.credit import ViolationCorrected, ViolationWithdrawn
from shared.web import field_errors


async def load(uow: UnitOfWork, violation_id: str) -> Violation:
    """The version in force, locked, for somebody who may change it: its own department, inside its area."""
    row = await repository.current(uow.session, violation_id, lock=True)
    if row is None:
        raise NotFound("violation", zh="没有这条记录", en="No such violation")
    uow.principal.require_area(row.area_code)
    require_department(uow.principal, row.authority)
    return row


async def publish(uow: UnitOfWork, violation_id: str, body: Publication) -> Violation:
    row = await load(uow, violation_id)
    publication.publish(uow, row)
    return row


async def correct(uow: UnitOfWork, violation_id: str, body: Correction) -> str:
    """A new version with the changed fields; answers its receipt. Whoever was told the old one is told the new one."""
    row, law = await load(uow, violation_id), law_of(uow)
    _must_stand(row)
    if row.version != body.version:
        raise Conflict(
            "version",
            zh=f"当前是第 {row.version} 版，您要更正的是第 {body.version} 版；请先读取最新版",
            en=f"The version in force is {row.version}, not {body.version}; read it first",
            version=row.version,
        )
    given = _corrected(row, body, uow)
    differing = rules.differences(row.body, given)
    if not differing:
        raise Conflict("no_change", zh="与现有内容相同，没有需要更正的", en="Nothing differs from what is recorded")
    outlook = rules.outlook(given, law.book, today=law.today, add_workdays=law.add_workdays)
    new = await _next_version(uow, row, given, outlook, body.reason)
    acts = [act.to_dict() for act in outlook.acts]
    new.receipt = dumps(receipt(violation_id, new.version, given, outlook, uow.now, acts, status="corrected"))
    await _publicity_of(uow, row, new, outlook)
    uow.session.add(new)
    uow.publish(publication.event(ViolationCorrected, new.model_dump(), reason=body.reason))
    if new.state == "published":
        publication.tell(uow, new)
    if row.heavy and not new.heavy:
        await uow.tell(PenaltiesFell([violation_id], "所依据的处罚更正后不再属于较重行政处罚"))
    if is_serious(new.gravity, new.heavy) and not is_serious(row.gravity, row.heavy):
        await uow.tell(SeriousViolations({new.uscc: violation_id}, "发生严重违法"))
    uow.audit("violation.correct", subject=row.uscc, detail={"violation_id": violation_id, "fields": differing})
    return new.receipt


def _corrected(row: Violation, body: Correction, uow: UnitOfWork) -> dict[str, Any]:
    """The record with the changes, judged like a new one. Places of errors point into `changes`."""
    wrong = [
        FieldError(
            f"/changes/{name}",
            "violation.identity",
            "主体、机关、文号和外部编号不能更正；请撤回后重新报送",
            "Party, authority, document number and external_id cannot be corrected; withdraw and record anew",
        )
        for name in rules.IDENTITY
        if name in body.changes
    ]
    merged = {**row.body, "warning_only": None, **body.changes}
    try:
        parsed = ViolationIn.model_validate(merged, context={"today": law_of(uow).today})
    except ValidationError as error:
        wrong += field_errors(error.errors(include_url=False, include_input=False), ("body", "changes"))
    if wrong:
        raise Invalid(wrong)
    given = parsed.stored(row.authority)
    uow.principal.require_area(given["area_code"])
    return given


async def _next_version(
    uow: UnitOfWork, row: Violation, body: dict[str, Any], outlook: Outlook, reason: str
) -> Violation:
    await repository.close_version(uow.session, row.violation_id, row.version, uow.now)
    return Violation(
        violation_id=row.violation_id,
        version=row.version + 1,
        natural_key=row.natural_key,
        external_key=row.external_key,
        uscc=row.uscc,
        authority=row.authority,
        area_code=body["area_code"],
        gravity=outlook.gravity,
        heavy=outlook.heavy,
        publishable=outlook.publishable,
        state=row.state,
        body=body,
        receipt="",
        reason=reason,
        recorded_by=uow.principal.id,
        valid_from=rules.decided_on(body),
        known_from=uow.now,
        published_on=row.published_on,
        published_at=row.published_at,
        expires_on=row.expires_on,
        ended_on=row.ended_on,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
    )


async def _publicity_of(uow: UnitOfWork, old: Violation, new: Violation, outlook: Outlook) -> None:
    """Publication goes on, ends or becomes due with the corrected content."""
    law = law_of(uow)
    if old.state == "published" and not new.publishable:
        publication.end(uow, new, law.today, "withdrawn")
        new.state = "kept"
    elif old.state == "published":
        assert new.published_on is not None
        ends = law.book.find(f"publicity.ends.{new.gravity}", on=new.published_on)
        publication.show_until(new, rules.publication_end(ends, new.body, new.published_on))
    elif old.state in ("recorded", "kept"):
        new.state = "recorded" if new.publishable else "kept"
        # An earlier publication that was withdrawn stays in the versions before; this one begins anew.
        new.published_on = new.published_at = new.expires_on = None
        new.ended_on = new.ended_at = new.end_reason = None
        if outlook.publish_by is not None:
            new.due_act, new.due_on = "publish", outlook.publish_by.on


async def withdraw(uow: UnitOfWork, violation_id: str, body: Withdrawal) -> str:
    """The decision was annulled: nothing of it is shown from now on, and what rested on it falls with it."""
    row, law = await load(uow, violation_id), law_of(uow)
    _must_stand(row)
    if wrong := _withdrawal_day(row, body, law.today):
        raise Invalid([wrong])
    outlook = rules.outlook(row.body, law.book, today=law.today, add_workdays=law.add_workdays)
    new = await _next_version(uow, row, row.body, outlook, body.reason)
    if row.state == "published":
        publication.end(uow, new, law.today, "withdrawn")
    new.state, new.publishable = "withdrawn", False
    fell = PenaltiesFell([violation_id], f"所依据的处罚决定被撤销（{body.document_number}）：{body.reason}")
    [revoked] = await uow.tell(fell)
    rule = law.find("publicity.withdraw_within")
    limit = deadline(rule, body.annulled_on, law.add_workdays)
    acts = [
        Act(
            "withdrawn",
            limit.on,
            limit.certain,
            f"已停止公示，不再列示（法定期限{limit.on}）",
            f"No longer shown (the law gives until {limit.on})",
            rule,
        )
    ]
    if revoked:
        delist = law.find("listing.black.delist_after_annulment")
        limit = deadline(delist, body.annulled_on, law.add_workdays)
        names = "、".join(listing_id for listing_id, _ in revoked)
        acts.append(
            Act(
                "withdrawn",
                limit.on,
                limit.certain,
                f"以该决定为依据的列入已移出或终止：{names}（法定期限{limit.on}）",
                f"Listings that rested on it were taken off or ended: {names} (the law gives until {limit.on})",
                delist,
            )
        )
    told = [act.to_dict() for act in acts]
    new.receipt = dumps(receipt(violation_id, new.version, row.body, outlook, uow.now, told, status="withdrawn"))
    uow.session.add(new)
    uow.publish(ViolationWithdrawn(violation_id=violation_id, version=new.version, uscc=row.uscc, reason=body.reason))
    uow.audit(
        "violation.withdraw",
        subject=row.uscc,
        detail={
            "violation_id": violation_id,
            "document": body.document_number,
            "annulled_on": body.annulled_on.isoformat(),
        },
    )
    return new.receipt


def _must_stand(row: Violation) -> None:
    if row.state == "withdrawn":
        raise Conflict("violation_state", zh="该决定已被撤销", en="The decision was withdrawn", state=row.state)


def _withdrawal_day(row: Violation, body: Withdrawal, today: Any) -> FieldError | None:
    if body.annulled_on > today:
        return FieldError("/annulled_on", "violation.date", "日期不能晚于今天", "The date cannot be after today")
    if body.annulled_on < row.valid_from:
        return FieldError(
            "/annulled_on", "violation.date", "不能早于处罚决定日期", "It cannot be before the day of the decision"
        )
    return None
