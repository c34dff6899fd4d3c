"""Database access: one engine seam for SQLite and PostgreSQL, one unit of work that commits."""

from shared.db.engine import Database
from shared.db.session import AsyncSession
from shared.db.tables import PLATFORM, metadata_of
from shared.db.uow import UnitOfWork

__all__ = ["PLATFORM", "AsyncSession", "Database", "UnitOfWork", "metadata_of"]
