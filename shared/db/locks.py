"""Locks on what has no row yet, until the end of the transaction.

PostgreSQL has advisory locks; their number is bounded by buckets, as its table of locks has a fixed size. Two names in
one bucket wait for each other and nothing else happens. SQLite has one writer anyway.
"""

from collections.abc import Iterable

from sqlalchemy import text

from shared.db.session import AsyncSession
from shared.db.sql import dialect_of

BUCKETS = 512


async def hold(session: AsyncSession, space: str, names: Iterable[str], *, shared: bool = False) -> None:
    """Let one transaction at a time work on each name; with `shared`, any number of those that share it.

    Whoever holds names of several spaces takes the spaces in one order everywhere.
    """
    wanted = sorted(set(names))
    if not wanted or dialect_of(session) != "postgresql":
        return
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await session.execute(
        text(
            f"SELECT {function}(hashtext(:space), bucket) FROM (SELECT DISTINCT hashtext(name) & {BUCKETS - 1} "  # noqa: S608 - built from constants
            "AS bucket FROM unnest(CAST(:names AS text[])) AS name ORDER BY bucket) AS sorted"
        ),
        {"space": space, "names": wanted},
    )
