"""Every query on enterprises."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, text, update
from sqlmodel import select

from services.credit.enterprises.models import Enterprise, EnterpriseBigram, EnterpriseVersion
from services.credit.enterprises.rules import bigrams
from services.credit.sets import among
from shared.db import AsyncSession
from shared.db.sql import dialect_of, insert_rows, table_of, upsert

_e = table_of(Enterprise).c
_v = table_of(EnterpriseVersion)
_b = table_of(EnterpriseBigram)

Rows = Sequence[Mapping[str, Any]]


async def known_codes(session: AsyncSession, codes: Collection[str]) -> set[str]:
    return set(await session.scalars(select(_e.uscc).where(among(session, _e.uscc, codes))))


async def held(session: AsyncSession, codes: Collection[str]) -> dict[str, Enterprise]:
    """The latest statements about the codes, by code; nobody else states anything about the codes until the end."""
    statement = select(Enterprise).where(among(session, _e.uscc, codes)).order_by(_e.uscc).with_for_update()
    found = {row.uscc: row for row in await session.exec(statement)}
    missing = set(codes) - found.keys()
    if missing:
        await _hold(session, missing)
        again = select(Enterprise).where(among(session, _e.uscc, missing)).order_by(_e.uscc).with_for_update()
        found |= {row.uscc: row for row in await session.exec(again)}
    return found


async def _hold(session: AsyncSession, codes: Collection[str]) -> None:
    """Keep others from making the first statement about these codes until the end of the transaction: a row that is
    not there yet cannot be locked. SQLite has one writer anyway."""
    if codes and dialect_of(session) == "postgresql":
        await session.execute(
            text(
                "SELECT pg_advisory_xact_lock(hashtext('enterprise'), hashtext(code)) "
                "FROM (SELECT code FROM unnest(CAST(:codes AS text[])) AS code ORDER BY code) AS sorted"
            ),
            {"codes": sorted(codes)},
        )


async def insert_first(session: AsyncSession, rows: Rows) -> set[str]:
    """Insert the first statement about codes, with its version and bigrams; the codes that were there already are left
    alone and not in the answer."""
    new = {str(row["uscc"]) for row in rows}
    new -= await known_codes(session, new)
    if not new:
        return new
    await _hold(session, new)
    new -= await known_codes(session, new)
    rows = [row for row in rows if row["uscc"] in new]
    await insert_rows(session, Enterprise, [_present(row) for row in rows])
    await insert_rows(session, EnterpriseVersion, rows)
    await insert_rows(session, EnterpriseBigram, _grams(rows))
    return new


async def store(session: AsyncSession, rows: Rows) -> None:
    """Store new statements: the former version is closed, the present row replaced, the bigrams made anew."""
    if not rows:
        return
    codes = [row["uscc"] for row in rows]
    await upsert(session, Enterprise, [_present(row) for row in rows], key=["uscc"])
    await session.execute(
        update(_v)
        .where(among(session, _v.c.uscc, codes), _v.c.known_to.is_(None))
        .values(known_to=rows[0]["known_from"])
    )
    await insert_rows(session, EnterpriseVersion, rows)
    await session.execute(delete(_b).where(among(session, _b.c.uscc, codes)))
    await insert_rows(session, EnterpriseBigram, _grams(rows))


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("known_to", "recorded_by")}


def _grams(rows: Rows) -> list[dict[str, str]]:
    return [
        {"bigram": gram, "uscc": row["uscc"]}
        for row in rows
        for gram in sorted(bigrams([row["name"], *row["former_names"]]))
    ]


async def get(session: AsyncSession, uscc: str) -> Enterprise | None:
    return await session.get(Enterprise, uscc)


async def homes(session: AsyncSession, usccs: Collection[str]) -> dict[str, list[str]]:
    """The area that supervises each of the enterprises."""
    statement = select(Enterprise).where(among(session, _e.uscc, usccs))
    return {row.uscc: [row.area_code] for row in await session.exec(statement)}


async def at(session: AsyncSession, uscc: str, valid: date, known: datetime) -> EnterpriseVersion | None:
    """The latest statement known at the instant that covers the day."""
    statement = (
        select(EnterpriseVersion)
        .where(_v.c.uscc == uscc, _v.c.known_from <= known, _v.c.valid_from <= valid)
        .order_by(_v.c.version.desc())
        .limit(1)
    )
    return (await session.exec(statement)).one_or_none()


async def by_prefix(session: AsyncSession, prefix: str, after: str | None, limit: int) -> Sequence[Enterprise]:
    """Codes that begin with `prefix`, in code order."""
    low, high = prefix.ljust(18, "0"), prefix.ljust(18, "Z")
    statement = select(Enterprise).where(_e.uscc.between(low, high))
    if after is not None:
        statement = statement.where(_e.uscc > after)
    return (await session.exec(statement.order_by(_e.uscc).limit(limit))).all()


async def by_bigrams(
    session: AsyncSession, grams: Collection[str], after: str | None, limit: int
) -> Sequence[Enterprise]:
    """Subjects whose present or former names have all the bigrams, in code order."""
    codes = select(_b.c.uscc).where(_b.c.bigram.in_(sorted(grams)))
    if after is not None:
        codes = codes.where(_b.c.uscc > after)
    codes = codes.group_by(_b.c.uscc).having(func.count() == len(grams)).order_by(_b.c.uscc).limit(limit)
    statement = select(Enterprise).where(_e.uscc.in_(codes)).order_by(_e.uscc)
    return (await session.exec(statement)).all()


async def by_first_character(session: AsyncSession, char: str, after: str | None, limit: int) -> Sequence[Enterprise]:
    """Subjects with a bigram that begins with the character, in code order."""
    codes = select(_b.c.uscc).where(or_(_b.c.bigram == char, and_(_b.c.bigram.startswith(char, autoescape=True))))
    if after is not None:
        codes = codes.where(_b.c.uscc > after)
    codes = codes.distinct().order_by(_b.c.uscc).limit(limit)
    statement = select(Enterprise).where(_e.uscc.in_(codes)).order_by(_e.uscc)
    return (await session.exec(statement)).all()


async def all_of(session: AsyncSession, after: str | None, limit: int) -> Sequence[Enterprise]:
    statement = select(Enterprise)
    if after is not None:
        statement = statement.where(_e.uscc > after)
    return (await session.exec(statement.order_by(_e.uscc).limit(limit))).all()
