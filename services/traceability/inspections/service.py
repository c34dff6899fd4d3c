"""Use cases of test reports: record, correct."""

from dataclasses import fields
from typing import Any, cast

from sqlalchemy.exc import IntegrityError

from services.traceability.alerts import service as alerts
from services.traceability.inspections import repository, rules
from services.traceability.inspections.models import LotTest
from services.traceability.inspections.schemas import TestCorrectionIn, TestIn, TestReceipt
from services.traceability.masterdata import supervision
from services.traceability.masterdata.models import Lot, Party
from shared.attachments import records as attachments
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.events.traceability import TestCorrected, TestRecorded
from shared.reference import areas


async def record(uow: UnitOfWork, body: TestIn) -> TestReceipt:
    """Store a report once for each recorder, laboratory and number; the same report again gives the same receipt.

    Raises Invalid (all wrong places), Forbidden (not the caller's lot, kind or area), Conflict (the caller has another
    report with that number).
    """
    lot_id = body.lot_id or f"{body.gtin}.{body.lot}"
    errors = await _wrong(uow, body)
    found = await repository.lot_with_party(uow.session, lot_id)
    if found is not None and not found[0].shown_to(uow.principal):
        found = None
    if found is None:
        errors.append(
            FieldError(
                "/lot_id" if body.lot_id else "/lot",
                "lot.unknown",
                f"没有批次 {lot_id}；请先由生产者用 PUT /v1/traceability/lots/{{gtin}}/{{lot}} 登记",
                f"There is no lot {lot_id}; its producer registers it: PUT /v1/traceability/lots/{{gtin}}/{{lot}}",
            )
        )
    if errors or found is None:
        raise Invalid(errors)
    lot, party = found
    area_code = body.area_code or await _sampled_in(uow, lot.owner_uscc)
    _authorise(uow.principal, lot, body.kind, area_code)
    _check_area(uow.principal, party, area_code)
    content = body.model_dump(exclude={"gtin", "lot"}) | {"lot_id": lot_id, "area_code": area_code}
    recorder = rules.recorder(uow.principal.department, uow.principal.uscc)
    key = (recorder, body.laboratory, body.report_number)
    if known := await repository.first(uow.session, *key):
        return await _same_again(uow, known, content)
    row = LotTest(
        test_id=uow.id(),
        version=1,
        known_from=uow.now,
        gtin=lot.gtin,
        producer_uscc=lot.owner_uscc,
        recorder=recorder,
        recorded_by=uow.principal.id,
        department=uow.principal.department,
        **content,
    )
    try:
        async with uow.session.begin_nested():
            uow.session.add(row)
            await uow.session.flush()
    except IntegrityError:  # a request beside this one was faster with the same number
        known = await repository.first(uow.session, *key)
        assert known is not None
        return await _same_again(uow, known, content)
    uow.publish(TestRecorded(**_event(row)))
    uow.audit("test.record", subject=lot_id, detail={"test_id": row.test_id, "result": row.result})
    opened = await alerts.on_test(uow, _tested(row))
    uow.touch("lot", lot_id)
    return receipt(row, opened)


async def correct(uow: UnitOfWork, test_id: str, body: TestCorrectionIn) -> TestReceipt:
    """Replace the present version by a corrected one. The same correction again gives the same receipt.

    Only who recorded the report corrects it: the same enterprise, or the same department in its area. A failure that a
    hold rests on stays in force until a person closes its alert, whatever later versions say.
    """
    old = await repository.present(uow.session, test_id)
    if old is None:
        raise NotFound("test", zh=f"没有检验报告 {test_id}", en=f"There is no test report {test_id}")
    _require_recorder(uow.principal, old)
    found = await repository.lot_with_party(uow.session, old.lot_id)
    assert found is not None, "a recorded lot stays"
    area_code = body.area_code or old.area_code
    _authorise(uow.principal, found[0], old.kind, old.area_code)
    _authorise(uow.principal, found[0], body.kind, area_code)
    if area_code != old.area_code:
        _check_area(uow.principal, found[1], area_code)
    if errors := await _wrong(uow, body):
        raise Invalid(errors)
    content = body.model_dump(exclude={"version"}) | {
        "lot_id": old.lot_id,
        "sample_id": old.sample_id,
        "area_code": area_code,
    }
    if body.reason == old.reason and not rules.differing(old.model_dump(), content):
        return receipt(old, await alerts.opened_by(uow.session, old.test_id, old.known_from))
    if body.version is not None and body.version != old.version:
        raise Conflict(
            "test.version",
            zh=f"报告已有第 {old.version} 版；请在它的基础上更正",
            en=f"The report has version {old.version}; correct that one",
            version=old.version,
        )
    at = max(uow.wiring.clock.now(), old.known_from)  # under the lock, so versions follow each other in time
    old.known_to = at
    row = LotTest(
        test_id=test_id,
        version=old.version + 1,
        known_from=at,
        gtin=old.gtin,
        producer_uscc=old.producer_uscc,
        laboratory=old.laboratory,
        report_number=old.report_number,
        recorder=old.recorder,
        recorded_by=uow.principal.id,
        department=uow.principal.department,
        **content,
    )
    uow.session.add_all([old, row])
    await uow.session.flush()
    uow.publish(TestCorrected(**_event(row), reason=body.reason, version=row.version))
    uow.audit("test.correct", subject=row.lot_id, detail={"test_id": test_id, "version": row.version})
    opened = await alerts.on_test(uow, _tested(row), corrected=True)
    uow.touch("lot", row.lot_id)
    return receipt(row, opened)


def _tested(row: LotTest) -> alerts.Tested:
    names = {field.name for field in fields(alerts.Tested)} - {"facts"}
    return alerts.Tested(**row.model_dump(include=names), facts=rules.summary(row.items))


async def _wrong(uow: UnitOfWork, body: TestIn | TestCorrectionIn) -> list[FieldError]:
    items, today = [item.model_dump() for item in body.items], shanghai_date(uow.now)
    errors = rules.check(items, body.result, body.sampled_on, body.tested_on, today)
    if wrong := await attachments.unknown(uow.session, "traceability", uow.principal, body.attachment):
        errors.append(wrong)
    return errors


def _require_recorder(principal: Principal, test: LotTest) -> None:
    if test.recorder == rules.recorder(principal.department, principal.uscc):
        return
    who = test.recorder.partition(":")[2]
    raise Forbidden(
        "test.recorder",
        zh=f"这份报告由 {who} 登记，只能由它更正；您有另一份报告时请另行登记：POST /v1/traceability/tests",
        en=f"The report was recorded by {who}, which alone corrects it; record a report of your own: "
        "POST /v1/traceability/tests",
    )


def _authorise(principal: Principal, lot: Lot, kind: str, area_code: str) -> None:
    if principal.kind == "department":
        principal.require_area(area_code)
        return
    principal.require_owner(lot.owner_uscc)
    if kind == "supervision":
        raise Forbidden(
            "test.kind",
            zh="监督抽检报告由监管部门登记；企业可登记自检（self）和委托检验（entrusted）",
            en="Supervision reports are recorded by departments; an enterprise records kind self or entrusted",
        )


async def _sampled_in(uow: UnitOfWork, uscc: str) -> str:
    """The producer's area; for an authority that supervises it by credit's register alone, the area there."""
    known = (await supervision.of(uow.session, [uscc]))[uscc]
    areas_of = [code for code in (known.area_code, known.register) if code is not None]
    return next((code for code in areas_of if uow.principal.may_in(code)), areas_of[0] if areas_of else "")


def _check_area(principal: Principal, party: Party | None, area_code: str) -> None:
    """Where an enterprise says that it sampled decides who is warned of a failure, so it is its own area or below."""
    if principal.kind != "enterprise" or (party is not None and areas.is_within(area_code, party.area_code)):
        return
    own = party.area_code if party else ""
    zh = f"企业的检验报告由其登记地区（{own}）监管，area_code 只能是该地区或其下级地区；也可以不填"
    en = f"An enterprise's report is supervised where it is registered ({own}); give that area or one below it, or none"
    raise Invalid([FieldError("/area_code", "test.area", zh, en)])


async def _same_again(uow: UnitOfWork, first: LotTest, content: dict[str, Any]) -> TestReceipt:
    """The first receipt again, whether or not the report was corrected since."""
    if different := rules.differing(first.model_dump(), content):
        names = "、".join(different)
        raise Conflict(
            "test.exists",
            zh=f"您已登记{first.laboratory}的报告 {first.report_number}，内容不同（{names}）；"
            f"更正请用 PUT /v1/traceability/tests/{first.test_id}",
            en=f"You have recorded report {first.report_number} of {first.laboratory} with other content "
            f"({', '.join(different)}); correct it with PUT /v1/traceability/tests/{first.test_id}",
            test_id=first.test_id,
        )
    return receipt(first, await alerts.opened_by(uow.session, first.test_id, first.known_from))


def receipt(row: LotTest, opened: list[str]) -> TestReceipt:
    return TestReceipt(
        test_id=row.test_id,
        version=row.version,
        lot_id=row.lot_id,
        result=cast(Any, row.result),
        recorded_at=row.known_from,
        alerts=opened,
    )


def _event(row: LotTest) -> dict[str, Any]:
    names = ("test_id", "sample_id", "lot_id", "gtin", "producer_uscc", "area_code", "kind", "category", "result")
    more = ("tested_on", "laboratory", "report_number")
    fields = {name: getattr(row, name) for name in (*names, *more)}
    return fields | {"failed_items": rules.failed_names(row.items)}
