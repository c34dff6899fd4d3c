"""Moments in which no consumer of a service applies anything, so that copies of several databases fit together.

On PostgreSQL every transaction that applies events shares an advisory lock of its database; whoever copies holds it
alone. It goes with the transaction that took it: a copier that is killed stops nobody. SQLite needs none of this: who
holds the write lock of the file is alone.
"""

from sqlalchemy import text

from shared.db.session import AsyncSession
from shared.db.sql import dialect_of

NUMBER = 7_046_938
"""Any number; advisory locks are numbers for each database (`migrate.py` has the one before)."""
_SHARE = text("SELECT pg_advisory_xact_lock_shared(:number)")


async def share(session: AsyncSession) -> None:
    """Before the first statement that applies an event; waits while somebody copies."""
    if dialect_of(session) == "postgresql":
        await session.execute(_SHARE, {"number": NUMBER})
