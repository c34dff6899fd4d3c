"""Use cases of the listing procedure. Each loads the case, lets `rules` judge the step, stores it, publishes."""

from datetime import date
from typing import Any, cast

from services.credit.enterprises import repository as enterprises
from services.credit.listings import removal, repository, rules
from services.credit.listings.models import Listing, ListingPeriod, ListingStep
from services.credit.listings.rules import OPEN, Basis, Case, Refused, Step
from services.credit.listings.schemas import DecisionIn, HearingIn, NoticeIn, ProposalIn, PublicationIn, RemovalIn
from services.credit.listings.texts import remedies
from services.credit.measures.data import catalogue
from services.credit.people import require_department
from services.credit.rulebook.law import law_of
from services.credit.rulebook.rules import Colour, Law, after, last_day
from services.credit.violations import repository as violations
from shared.attachments import records as attachments
from shared.clock import shanghai_date
from shared.db import AsyncSession, UnitOfWork
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PlatformError
from shared.events.credit import ListingProposed, ListingPublished
from shared.reference import departments

_DATE_FIELDS = {"notice": "/served_on", "hearing_asked": "/on", "hearing": "/on", "decision": "/decided_on"}


def as_error(refused: Refused, act: str) -> PlatformError:
    """The procedure's refusal as a problem: 403 for the second person, 422 for a wrong day or ground, else 409."""
    extra = dict(refused.extra)
    if refused.rule is not None:
        rule = refused.rule.applied
        extra |= {"article": f"{rule.order} {rule.article}", "rule": refused.rule.cite()}
    match refused.kind:
        case "two_persons":
            return Forbidden("two_persons", zh=refused.zh, en=refused.en, **extra)
        case "date":
            return Invalid([FieldError(_DATE_FIELDS.get(act, ""), "listing.date", refused.zh, refused.en)], **extra)
        case "ground":
            return Invalid([FieldError("/ground_code", "listing.ground", refused.zh, refused.en)], **extra)
        case "field":
            return Invalid([FieldError("/ground_code", "listing.ground_field", refused.zh, refused.en)], **extra)
        case "state":
            return Conflict("listing_state", zh=refused.zh, en=refused.en, **extra)
    return Conflict("due_process", zh=refused.zh, en=refused.en, **extra)


async def propose(uow: UnitOfWork, body: ProposalIn) -> Listing:
    """Open a case. Not public."""
    principal, law = uow.principal, law_of(uow)
    if principal.department is None:
        raise Forbidden("department", zh="提议须由部门人员作出", en="A proposal is made by staff of a department")
    enterprise = await enterprises.get(uow.session, body.uscc)
    if enterprise is None:
        raise Invalid(
            [
                FieldError(
                    "/uscc",
                    "enterprise.unknown",
                    "没有登记这个主体；请先 PUT /v1/credit/enterprises/{uscc}",
                    "Unknown subject; PUT /v1/credit/enterprises/{uscc} first",
                )
            ]
        )
    principal.require_area(enterprise.area_code)
    basis = await _basis(uow.session, body.violation_id)
    if basis is not None:
        require_department(principal, basis.authority)
    try:
        rules.check_proposal(law, body.colour, body.ground_code, body.uscc, basis)
    except Refused as refused:
        raise as_error(refused, "proposal") from refused
    _check_validity(body, law.today)
    await _check_free(uow, body, law.today)
    department = departments.get(principal.department)
    words = remedies()[body.colour]
    listing = Listing(
        listing_id=uow.id(),
        colour=body.colour,
        uscc=body.uscc,
        party_name=enterprise.name,
        area_code=enterprise.area_code,
        industry_code=enterprise.industry_code,
        ground_code=body.ground_code,
        facts=body.facts,
        violation_id=body.violation_id,
        authority=principal.department,
        authority_name=department.name if department else principal.department,
        state="proposed",
        remedies=body.remedies or words.zh,
        remedies_en=words.en if not body.remedies else "",
        proposed_by=principal.id,
    )
    detail = {"valid_until": body.valid_until.isoformat()} if body.valid_until else {}
    step = Step("proposal", law.today, principal.id, body.document_number, detail)
    uow.session.add(listing)
    _store_step(uow, law, listing, Case(body.colour, body.ground_code), step)
    uow.publish(
        ListingProposed(
            listing_id=listing.listing_id,
            uscc=listing.uscc,
            colour=body.colour,
            area_code=listing.area_code,
            authority=listing.authority,
            ground_code=listing.ground_code,
        )
    )
    return listing


def _check_validity(body: ProposalIn, today: date) -> None:
    """The recogniser sets how long a red listing holds; the law, how long a black one does."""
    if body.colour == "red" and (body.valid_until is None or body.valid_until <= today):
        words = ("红榜须给出今天之后的认定有效期", "A red listing needs valid_until, after today")
    elif body.colour == "black" and body.valid_until is not None:
        words = ("黑榜的期限由法定，不能填写", "The period of a black listing is set by law; leave it out")
    else:
        return
    raise Invalid([FieldError("/valid_until", "listing.valid_until", *words)])


async def _check_free(uow: UnitOfWork, body: ProposalIn, today: date) -> None:
    there = await repository.of_subjects(uow.session, [body.uscc], body.colour, [*OPEN, "published"])
    for listing in there:
        same = (
            listing.violation_id == body.violation_id
            if body.colour == "black"
            else listing.ground_code == body.ground_code
        )
        if same:
            raise Conflict(
                "listing_exists",
                zh="同一依据的列入案件已存在",
                en="There is a case on the same basis already",
                listing_id=listing.listing_id,
            )
    if body.colour == "red":
        wanted = repository.Filter("black", today, uow.now, uscc=body.uscc)
        if await repository.in_force(uow.session, wanted, limit=1):
            raise Conflict(
                "black_listed", zh="该主体在黑榜上，不能提议红榜", en="The subject is on the black list: no red listing"
            )


async def notice(uow: UnitOfWork, listing_id: str, body: NoticeIn) -> Listing:
    step = Step(
        "notice", body.served_on, uow.principal.id, body.document_number, {"method": body.method}, body.attachment
    )
    return await _advance(uow, listing_id, step)


async def hearing(uow: UnitOfWork, listing_id: str, body: HearingIn) -> Listing:
    detail: dict[str, Any] = {"note": body.note} if body.note else {}
    if body.how == "asked":
        return await _advance(uow, listing_id, _heard("hearing_asked", uow, body, detail))
    detail |= {"how": body.how, "intent_disproved": body.intent_disproved}
    return await _advance(uow, listing_id, _heard("hearing", uow, body, detail))


def _heard(kind: rules.StepKind, uow: UnitOfWork, body: HearingIn, detail: dict[str, Any]) -> Step:
    return Step(kind, body.on, uow.principal.id, body.document_number, detail, body.attachment)


async def decide(uow: UnitOfWork, listing_id: str, body: DecisionIn) -> Listing:
    detail = {"outcome": body.outcome, "reason": body.reason}
    step = Step("decision", body.decided_on, uow.principal.id, body.document_number, detail, body.attachment)
    return await _advance(uow, listing_id, step)


async def publish(uow: UnitOfWork, listing_id: str, body: PublicationIn) -> Listing:
    today = shanghai_date(uow.now)
    return await _advance(
        uow, listing_id, Step("publication", today, uow.principal.id, None, {"note": body.note} if body.note else {})
    )


async def remove(uow: UnitOfWork, listing_id: str, body: RemovalIn) -> Listing:
    today = shanghai_date(uow.now)
    detail = {"reason": body.reason, "detail": body.detail}
    return await _advance(uow, listing_id, Step("removal", today, uow.principal.id, body.document_number, detail))


async def _advance(uow: UnitOfWork, listing_id: str, step: Step) -> Listing:
    """Judge and store one step of a case, and do what it brings about."""
    listing = await repository.get(uow.session, listing_id, lock=True)
    if listing is None:
        raise NotFound("listing", zh="没有这个列入案件", en="No such listing")
    uow.principal.require_area(listing.area_code)
    require_department(uow.principal, listing.authority)
    if wrong := await attachments.unknown(uow.session, "credit", uow.principal, step.attachment):
        raise Invalid([wrong])
    law, case = law_of(uow), await load_case(uow.session, listing)
    try:
        match step.kind:
            case "notice":
                step = rules.check_notice(law, case, step)
            case "hearing_asked":
                step = rules.check_hearing_asked(law, case, step)
            case "hearing":
                step = rules.check_hearing(law, case, step)
            case "decision":
                step = rules.check_decision(law, case, step, await _basis(uow.session, listing.violation_id))
            case "publication":
                step = rules.check_publication(law, case, step)
            case "removal":
                step = rules.check_removal(law, case, step)
    except Refused as refused:
        raise as_error(refused, step.kind) from refused
    if step.kind == "decision":
        listing.document_number, listing.decided_on = step.document, step.on
    _store_step(uow, law, listing, case, step)
    if step.kind == "publication":
        await _publish(uow, law, listing, case)
    if step.kind == "removal":
        await removal.take_off(uow, listing, "revoked", str(step.detail["detail"]))
    return listing


def _store_step(uow: UnitOfWork, law: Law, listing: Listing, case: Case, step: Step) -> None:
    case = case.with_step(step)
    listing.state = case.state
    duty = rules.next_duty(law, case)
    listing.due_act, listing.due_on = (duty[0], duty[1].on) if duty else (None, None)
    uow.session.add(listing)
    uow.session.add(
        ListingStep(
            listing_id=listing.listing_id,
            position=len(case.steps),
            kind=step.kind,
            on_day=step.on,
            at=uow.now,
            by=step.by,
            by_name=uow.principal.name,
            document=step.document,
            attachment=step.attachment,
            detail=dict(step.detail),
        )
    )
    uow.audit(f"listing.{step.kind}", subject=listing.uscc, detail={"listing_id": listing.listing_id})


async def _publish(uow: UnitOfWork, law: Law, listing: Listing, case: Case) -> None:
    """Put the decided case on its list, for the period that law or the recogniser sets."""
    decision, proposal = case.step("decision"), case.step("proposal")
    assert decision is not None
    assert proposal is not None
    assert listing.document_number is not None
    valid_from = law.today
    if listing.colour == "black":
        period = law.find("listing.black.period")
        early = law.find("listing.black.removable_after").applied
        valid_from = {"publication": law.today, "document": decision.on}[period.applied.clock]
        valid_until = last_day(period, valid_from)
        assert early.number is not None
        removable_from = after(valid_from, early.number, early.unit)
        await removal.clear_red(uow, {listing.uscc: listing.listing_id}, "列入黑榜")
    else:
        valid_until, removable_from = date.fromisoformat(proposal.detail["valid_until"]), None
    row = ListingPeriod(
        listing_id=listing.listing_id,
        version=1,
        colour=listing.colour,
        valid_from=valid_from,
        valid_until=valid_until,
        removable_from=removable_from,
        published_on=law.today,
        known_from=uow.now,
    )
    uow.session.add(row)
    ground = law.book.grounds[listing.ground_code]
    uow.publish(
        ListingPublished(
            listing_id=listing.listing_id,
            uscc=listing.uscc,
            party_name=listing.party_name,
            colour=case.colour,
            area_code=listing.area_code,
            industry_code=listing.industry_code,
            ground_code=listing.ground_code,
            ground=ground.zh,
            ground_en=ground.en,
            article=f"{ground.order} {ground.article}",
            authority=listing.authority,
            authority_name=listing.authority_name,
            document_number=listing.document_number,
            decided_on=decision.on,
            published_on=law.today,
            valid_from=valid_from,
            valid_until=valid_until,
            removable_from=removable_from,
            measures=[measure.zh for measure in catalogue().applying(case.colour, law.today)],
            remedies=listing.remedies,
            remedies_en=listing.remedies_en,
        )
    )
    uow.invalidate(f"list:{listing.colour}")


async def load_case(session: AsyncSession, listing: Listing) -> Case:
    rows = await repository.steps(session, listing.listing_id)
    colour: Colour = "black" if listing.colour == "black" else "red"
    steps = (Step(_kind(row.kind), row.on_day, row.by, row.document, row.detail, row.attachment) for row in rows)
    return Case(colour, listing.ground_code, tuple(steps))


def _kind(text: str) -> rules.StepKind:
    return cast(rules.StepKind, text)


async def _basis(session: AsyncSession, violation_id: str | None) -> Basis | None:
    row = await violations.current(session, violation_id) if violation_id else None
    if row is None:
        return None
    field = str(row.body["field"])
    return Basis(row.violation_id, row.uscc, row.authority, field, row.heavy, row.state == "withdrawn")
