"""Every query on listings."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, or_, tuple_, update
from sqlmodel import select

from services.credit.enterprises.models import EnterpriseBigram
from services.credit.listings.models import Listing, ListingPeriod, ListingStep
from services.credit.sets import among
from shared.area_scope import within
from shared.db import AsyncSession
from shared.db.sql import insert_rows, table_of

_l = table_of(Listing).c
_s = table_of(ListingStep).c
_periods = table_of(ListingPeriod)
_p = _periods.c
_b = table_of(EnterpriseBigram).c

Listed = tuple[Listing, ListingPeriod]


async def get(session: AsyncSession, listing_id: str, *, lock: bool = False) -> Listing | None:
    statement = select(Listing).where(_l.listing_id == listing_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.exec(statement)).one_or_none()


async def steps(session: AsyncSession, listing_id: str) -> Sequence[ListingStep]:
    statement = select(ListingStep).where(_s.listing_id == listing_id).order_by(_s.position)
    return (await session.exec(statement)).all()


async def period(session: AsyncSession, listing_id: str) -> ListingPeriod | None:
    """The period as known now."""
    statement = select(ListingPeriod).where(_p.listing_id == listing_id, _p.known_to.is_(None))
    return (await session.exec(statement)).one_or_none()


async def resting_on(
    session: AsyncSession, violation_ids: Collection[str], states: Collection[str]
) -> Sequence[Listing]:
    """Listings in one of the states that rest on the penalties, locked in id order."""
    statement = (
        select(Listing)
        .where(among(session, _l.violation_id, violation_ids), _l.state.in_(sorted(states)))
        .order_by(_l.listing_id)
        .with_for_update()
    )
    return (await session.exec(statement)).all()


async def of_subjects(
    session: AsyncSession, codes: Collection[str], colour: str, states: Collection[str], *, lock: bool = False
) -> Sequence[Listing]:
    statement = (
        select(Listing)
        .where(among(session, _l.uscc, codes), _l.colour == colour, _l.state.in_(sorted(states)))
        .order_by(_l.listing_id)
    )
    if lock:
        statement = statement.with_for_update()
    return (await session.exec(statement)).all()


async def procedures(session: AsyncSession, uscc: str, states: Collection[str]) -> Sequence[Listing]:
    statement = select(Listing).where(_l.uscc == uscc, _l.state.in_(sorted(states))).order_by(_l.listing_id)
    return (await session.exec(statement)).all()


async def expired(session: AsyncSession, today: date, limit: int) -> Sequence[Listed]:
    """Published listings whose period is over; rows that another worker holds are left to it."""
    statement = (
        select(Listing, ListingPeriod)
        .join(ListingPeriod, _p.listing_id == _l.listing_id)
        .where(_l.state == "published", _p.known_to.is_(None), _p.valid_until < today)
        .order_by(_l.listing_id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Listing)
    )
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def cut_period(session: AsyncSession, old: ListingPeriod, new: dict[str, Any]) -> None:
    """Close what was known and add what is known now."""
    await session.execute(
        update(_periods)
        .where(_p.listing_id == old.listing_id, _p.version == old.version)
        .values(known_to=new["known_from"])
    )
    await insert_rows(session, ListingPeriod, [new])


@dataclass(frozen=True)
class Filter:
    """What is asked of a list. `grams` find names; `area` covers what lies below it; `industry` is a beginning."""

    colour: str
    valid: date
    known: datetime
    uscc_prefix: str | None = None
    grams: frozenset[str] = frozenset()
    area: str | None = None
    industry: str | None = None
    ground: str | None = None
    uscc: str | None = None


async def in_force(
    session: AsyncSession, wanted: Filter, after: tuple[date, str] | None = None, limit: int = 50
) -> Sequence[Listed]:
    """Listings in force on the day as known at the instant: newest publication first, then id."""
    statement = _in_force(wanted)
    if after is not None:
        day, listing_id = after
        statement = statement.where(
            or_(_p.published_on < day, and_(_p.published_on == day, _p.listing_id > listing_id))
        )
    statement = statement.order_by(_p.published_on.desc(), _p.listing_id).limit(limit)
    return [(row[0], row[1]) for row in await session.execute(statement)]


def _in_force(wanted: Filter) -> Select[Listing, ListingPeriod]:
    statement = (
        select(Listing, ListingPeriod)
        .join(ListingPeriod, _p.listing_id == _l.listing_id)
        .where(
            _p.colour == wanted.colour,
            _p.valid_from <= wanted.valid,
            _p.valid_until >= wanted.valid,
            _p.known_from <= wanted.known,
            or_(_p.known_to.is_(None), _p.known_to > wanted.known),
        )
    )
    if wanted.uscc is not None:
        statement = statement.where(_l.uscc == wanted.uscc)
    if wanted.uscc_prefix is not None:
        low, high = wanted.uscc_prefix.ljust(18, "0"), wanted.uscc_prefix.ljust(18, "Z")
        statement = statement.where(_l.uscc.between(low, high))
    for gram in sorted(wanted.grams):
        statement = statement.where(_l.uscc.in_(select(_b.uscc).where(_b.bigram == gram)))
    if wanted.area is not None:
        statement = statement.where(within(_l.area_code, wanted.area))
    if wanted.industry is not None:
        statement = statement.where(_l.industry_code.startswith(wanted.industry, autoescape=True))
    if wanted.ground is not None:
        statement = statement.where(_l.ground_code == wanted.ground)
    return statement


async def duties(
    session: AsyncSession, area: str, *, before: date | None, after: tuple[date, str] | None, limit: int
) -> Sequence[Listing]:
    """Cases of an area with something to do, by (due day, id); `before` keeps those due earlier than that day."""
    statement = select(Listing).where(_l.due_on.is_not(None), within(_l.area_code, area))
    if before is not None:
        statement = statement.where(_l.due_on < before)
    if after is not None:
        statement = statement.where(tuple_(_l.due_on, _l.listing_id) > after)
    return (await session.exec(statement.order_by(_l.due_on, _l.listing_id).limit(limit))).all()
