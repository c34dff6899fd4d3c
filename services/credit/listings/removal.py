"""Taking listings off the list: revoked with its penalty, cleared by a serious violation, expired by the calendar."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Literal

from services.credit.listings import repository
from services.credit.listings.models import Listing, ListingStep
from services.credit.listings.rules import OPEN
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.events.credit import ListingRemoved

Reason = Literal["expired", "revoked"]


async def revoke_for(uow: UnitOfWork, violation_ids: Collection[str], detail: str) -> list[tuple[str, str]]:
    """End every listing that rests on the penalties: a published one is taken off, a running procedure lapses.

    Answers `(listing_id, "removed" | "rejected")`.
    """
    done = []
    for listing in await repository.resting_on(uow.session, violation_ids, [*OPEN, "published"]):
        if listing.state == "published":
            await _step(uow, listing, "removal", "removed", {"reason": "revoked", "detail": detail})
            await take_off(uow, listing, "revoked", detail)
        else:
            await _step(uow, listing, "lapse", "rejected", {"detail": detail})
        done.append((listing.listing_id, listing.state))
    return done


async def clear_red(uow: UnitOfWork, causes: Mapping[str, str], why: str) -> list[str]:
    """Take enterprises off the red list. `causes`: USCC to the record that is the cause."""
    listings = await repository.of_subjects(uow.session, causes, "red", [*OPEN, "published"], lock=True)
    for listing in listings:
        detail = f"{why}（{causes[listing.uscc]}）"
        if listing.state == "published":
            await _step(uow, listing, "removal", "removed", {"reason": "revoked", "detail": detail})
            await take_off(uow, listing, "revoked", detail)
        else:
            await _step(uow, listing, "lapse", "rejected", {"detail": detail})
    return [listing.listing_id for listing in listings]


async def expire(uow: UnitOfWork, limit: int) -> int:
    """Tell that published listings whose period is over ended. The list itself never showed them a day too long."""
    rows = await repository.expired(uow.session, shanghai_date(uow.now), limit)
    for listing, period in rows:
        await _step(uow, listing, "removal", "removed", {"reason": "expired"})
        uow.publish(
            ListingRemoved(
                listing_id=listing.listing_id,
                uscc=listing.uscc,
                colour="black" if listing.colour == "black" else "red",
                removed_on=period.valid_until + timedelta(days=1),
                reason="expired",
            )
        )
        uow.invalidate(f"list:{listing.colour}")
    return len(rows)


async def take_off(uow: UnitOfWork, listing: Listing, reason: Reason, detail: str) -> None:
    """Cut the period at today and tell everybody. The step is stored by the caller."""
    today = shanghai_date(uow.now)
    period = await repository.period(uow.session, listing.listing_id)
    assert period is not None
    await repository.cut_period(
        uow.session,
        period,
        {
            "listing_id": listing.listing_id,
            "version": period.version + 1,
            "colour": listing.colour,
            "valid_from": period.valid_from,
            "valid_until": min(period.valid_until, today - timedelta(days=1)),
            "removable_from": period.removable_from,
            "published_on": period.published_on,
            "known_from": uow.now,
            "known_to": None,
            "ended": reason,
            "detail": detail,
        },
    )
    uow.publish(
        ListingRemoved(
            listing_id=listing.listing_id,
            uscc=listing.uscc,
            colour="black" if listing.colour == "black" else "red",
            removed_on=today,
            reason=reason,
            detail=detail,
        )
    )
    uow.invalidate(f"list:{listing.colour}")


async def _step(uow: UnitOfWork, listing: Listing, kind: str, state: str, detail: dict[str, Any]) -> None:
    steps = await repository.steps(uow.session, listing.listing_id)
    listing.state = state
    listing.due_act = listing.due_on = None
    uow.session.add(listing)
    uow.session.add(
        ListingStep(
            listing_id=listing.listing_id,
            position=len(steps) + 1,
            kind=kind,
            on_day=shanghai_date(uow.now),
            at=uow.now,
            by=uow.principal.id,
            by_name=uow.principal.name,
            detail=detail,
        )
    )
    uow.audit(f"listing.{kind}", subject=listing.uscc, detail={"listing_id": listing.listing_id} | detail)
