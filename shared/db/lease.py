"""A lease: one holder of a named job for each database. For economy only; nothing relies on it for correctness."""

from datetime import datetime, timedelta

from sqlalchemy import text

from shared.db.session import AsyncSession
from shared.db.types import UTC

_SECONDS = 10


async def acquire(session: AsyncSession, name: str, holder: str, now: datetime) -> bool:
    """Take or renew the lease; True when `holder` has it until ten seconds from now.

    One that ends later than any that is given out now was given out before the clock was set back: it has ended.
    """
    statement = text(
        "INSERT INTO lease (name, holder, until) VALUES (:name, :holder, :until) "
        "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
        "WHERE lease.holder = excluded.holder OR lease.until < :now "
        "OR lease.until > :horizon RETURNING holder"
    ).bindparams(
        _typed("until", now + timedelta(seconds=_SECONDS)),
        _typed("now", now),
        _typed("horizon", now + timedelta(seconds=2 * _SECONDS)),
    )
    result = await session.execute(statement, {"name": name, "holder": holder})
    return result.first() is not None


def _typed(name: str, value: datetime):  # type: ignore[no-untyped-def]
    from sqlalchemy import bindparam

    return bindparam(name, value, type_=UTC())
