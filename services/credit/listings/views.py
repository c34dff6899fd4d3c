"""What each kind of reader sees of listings."""

from collections.abc import Sequence
from datetime import date

from services.credit.listings import repository, rules
from services.credit.listings.models import Listing, ListingPeriod
from services.credit.listings.schemas import EntryOut, ListedOut, ListingOut, NextStep, StepOut
from services.credit.listings.service import load_case
from services.credit.measures.schemas import MeasureOut
from services.credit.measures.views import measures
from services.credit.rulebook.data import rulebook
from services.credit.rulebook.law import law_on
from services.credit.rulebook.rules import Colour
from shared.attachments.records import described
from shared.auth import PUBLIC, Principal
from shared.db import AsyncSession


def colour_of(listing: Listing) -> Colour:
    return "black" if listing.colour == "black" else "red"


def listed(rows: Sequence[repository.Listed], on: date) -> list[ListedOut]:
    applying = {colour: measures(colour, on) for colour in ("black", "red")}
    return [_listed(listing, period, applying[listing.colour]) for listing, period in rows]


def _listed(listing: Listing, period: ListingPeriod, applying: list[MeasureOut]) -> ListedOut:
    ground = rulebook().grounds[listing.ground_code]
    assert listing.document_number is not None
    assert listing.decided_on is not None
    return ListedOut(
        listing_id=listing.listing_id,
        uscc=listing.uscc,
        party_name=listing.party_name,
        colour=colour_of(listing),
        area_code=listing.area_code,
        industry_code=listing.industry_code,
        ground_code=listing.ground_code,
        ground=ground.zh,
        ground_en=ground.en,
        article=f"{ground.order} {ground.article}",
        authority=listing.authority,
        authority_name=listing.authority_name,
        document_number=listing.document_number,
        decided_on=listing.decided_on,
        published_on=period.published_on,
        valid_from=period.valid_from,
        valid_until=period.valid_until,
        removable_from=period.removable_from,
        measures=applying,
        remedies=listing.remedies,
        remedies_en=listing.remedies_en,
    )


async def entry(session: AsyncSession, row: repository.Listed, on: date) -> EntryOut:
    """One entry of the list for everybody, with what of its decision is public."""
    (shown,) = listed([row], on)
    decision = (await load_case(session, row[0])).step("decision")
    digest = decision.attachment if decision else None
    public = await described(session, "credit", PUBLIC, [digest])
    return EntryOut(**dict(shown), decision_document=public.get(digest or ""))


async def file(session: AsyncSession, listing: Listing, today: date, principal: Principal) -> ListingOut:
    """The case with its steps, for officers."""
    steps = await repository.steps(session, listing.listing_id)
    files = await described(session, "credit", principal, [step.attachment for step in steps])
    case = await load_case(session, listing)
    period = await repository.period(session, listing.listing_id)
    law = law_on(today)
    duty = rules.next_duty(law, case)
    ground = rulebook().grounds[listing.ground_code]
    return ListingOut(
        listing_id=listing.listing_id,
        colour=colour_of(listing),
        uscc=listing.uscc,
        party_name=listing.party_name,
        area_code=listing.area_code,
        ground_code=listing.ground_code,
        ground=ground.zh,
        ground_en=ground.en,
        article=f"{ground.order} {ground.article}",
        facts=listing.facts,
        violation_id=listing.violation_id,
        authority=listing.authority,
        authority_name=listing.authority_name,
        state=listing.state,
        document_number=listing.document_number,
        decided_on=listing.decided_on,
        published_on=period.published_on if period else None,
        valid_from=period.valid_from if period else None,
        valid_until=period.valid_until if period else None,
        removable_from=period.removable_from if period else None,
        remedies=listing.remedies,
        remedies_en=listing.remedies_en,
        next=NextStep(act=duty[0], by=duty[1].on, certain=duty[1].certain, rule=duty[1].rule.cite()) if duty else None,
        hearing_until=rules.hearing_deadline(law, case).on if case.step("notice") else None,
        steps=[
            StepOut(
                kind=step.kind,
                on=step.on_day,
                at=step.at,
                by=step.by,
                by_name=step.by_name,
                document=step.document,
                attachment=files.get(step.attachment or ""),
                detail=step.detail,
            )
            for step in steps
        ],
    )
