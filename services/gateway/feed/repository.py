"""Every query on the feed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, or_, select, text, update

from services.gateway.feed.models import FeedRow
from services.gateway.projection import Row
from shared.db import AsyncSession
from shared.db.sql import insert_rows, table_of

_feed = table_of(FeedRow)


async def append(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows without `seq`, in order. The counter's row lock makes the order of numbers the order of commits."""
    if not rows:
        return
    taken = await session.execute(
        text(
            "INSERT INTO feed_counter (name, last) VALUES ('feed', :n) "
            "ON CONFLICT (name) DO UPDATE SET last = feed_counter.last + :n RETURNING last"
        ),
        {"n": len(rows)},
    )
    first = taken.scalar_one() - len(rows) + 1
    await insert_rows(session, FeedRow, [{"seq": seq, **row} for seq, row in enumerate(rows, first)])


async def retract(session: AsyncSession, ends: Mapping[str, date]) -> None:
    """Stop showing what was announced of the records; `ends` gives the first day on which each is not shown."""
    if ends:
        statement = update(_feed).where(_feed.c.ref == bindparam("record")).values(shown_until=bindparam("last"))
        await session.execute(
            statement, [{"record": ref, "last": day - timedelta(days=1)} for ref, day in ends.items()]
        )


async def page(session: AsyncSession, day: date, *, limit: int, before: int | None) -> list[Row]:
    """What is shown on `day`, newest first, one more than `limit` when there is a next page; each with its `seq`."""
    query = (
        select(_feed.c.seq, _feed.c.body)
        .where(or_(_feed.c.shown_until.is_(None), _feed.c.shown_until >= day))
        .order_by(_feed.c.seq.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(_feed.c.seq < before)
    return [body | {"seq": seq} for seq, body in await session.execute(query)]
