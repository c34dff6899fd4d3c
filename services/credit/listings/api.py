"""Routes of the listing procedure. Each step answers the whole case, with what comes next and by when."""

from typing import Any

from services.credit.enterprises import repository as enterprises
from services.credit.listings import repository, service, views
from services.credit.listings.models import Listing
from services.credit.listings.schemas import (
    DecisionIn,
    EntryOut,
    HearingIn,
    ListingOut,
    NoticeIn,
    ProposalIn,
    PublicationIn,
    RemovalIn,
)
from services.credit.people import READERS
from shared.auth import Principal, Public, Staff
from shared.auth.reading import CREDIT
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.errors import NotFound
from shared.web import CurrentPlatform, CurrentPrincipal, ReadSession, Router, Uow, allow, problem

router = Router(prefix="/v1/credit/listings", tags=["listings"])
_PROBLEMS = problem(400, 401, 403, 404, 409, 422)


async def _answer(uow: Uow, listing: Listing, status: int = 200) -> Any:
    await uow.session.flush()
    return uow.answer(await views.file(uow.session, listing, shanghai_date(uow.now), uow.principal), status)


async def _shown(session: AsyncSession, listing: Listing, principal: Principal) -> bool:
    if not CREDIT.admits(principal):
        return False
    enterprise = await enterprises.get(session, listing.uscc)
    return CREDIT.shows(principal, listing.area_code, enterprise.area_code if enterprise else None)


@router.post("", status_code=201, response_model=ListingOut, responses=_PROBLEMS)
@allow(Staff("case_officer"), area="enterprise.area_code")
async def propose(body: ProposalIn, uow: Uow) -> Any:
    """Propose a listing (提议). Nothing of it is public."""
    return await _answer(uow, await service.propose(uow, body), 201)


@router.post("/{listing_id}/notice", response_model=ListingOut, responses=_PROBLEMS)
@allow(Staff("case_officer"), area="listing.area_code")
async def notice(listing_id: str, body: NoticeIn, uow: Uow) -> Any:
    """Record the served notice (告知); for the red list, the announcement for objections."""
    return await _answer(uow, await service.notice(uow, listing_id, body))


@router.post("/{listing_id}/hearing", response_model=ListingOut, responses=_PROBLEMS)
@allow(Staff("case_officer", "reviewer"), area="listing.area_code")
async def hearing(listing_id: str, body: HearingIn, uow: Uow) -> Any:
    """Record how the party was heard (听取意见): asked for it, heard, waived in writing, or the period passed."""
    return await _answer(uow, await service.hearing(uow, listing_id, body))


@router.post("/{listing_id}/decision", response_model=ListingOut, responses=_PROBLEMS)
@allow(Staff("reviewer"), area="listing.area_code")
async def decide(listing_id: str, body: DecisionIn, uow: Uow) -> Any:
    """Decide (决定), by a person who did not propose."""
    return await _answer(uow, await service.decide(uow, listing_id, body))


@router.post("/{listing_id}/publication", response_model=ListingOut, responses=_PROBLEMS)
@allow(Staff("publisher"), area="listing.area_code")
async def publish(listing_id: str, body: PublicationIn, uow: Uow) -> Any:
    """Put the decided listing on its list (公布)."""
    return await _answer(uow, await service.publish(uow, listing_id, body))


@router.post("/{listing_id}/removal", response_model=ListingOut, responses=_PROBLEMS)
@allow(Staff("reviewer"), area="listing.area_code")
async def remove(listing_id: str, body: RemovalIn, uow: Uow) -> Any:
    """Revoke a published listing (移出)."""
    return await _answer(uow, await service.remove(uow, listing_id, body))


@router.get("/{listing_id}", response_model=ListingOut | EntryOut, responses=problem(401, 404))
@allow(Public(), *READERS, private=True)
async def read(listing_id: str, session: ReadSession, platform: CurrentPlatform, principal: CurrentPrincipal) -> Any:
    """Departments and staff of its area: the case with its steps. Everybody: the entry while it is on the list."""
    now = platform.clock.now()
    today = shanghai_date(now)
    listing = await repository.get(session, listing_id)
    if listing is not None and await _shown(session, listing, principal):
        return await views.file(session, listing, today, principal)
    if listing is not None:
        wanted = repository.Filter(listing.colour, today, now, uscc=listing.uscc)
        rows = [row for row in await repository.in_force(session, wanted, limit=500) if row[0].listing_id == listing_id]
        if rows:
            return await views.entry(session, rows[0], today)
    raise NotFound("listing", zh="名单上没有这一项", en="No such entry on the list")
