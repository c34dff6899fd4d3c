"""The table `attachment`. A Core table like those of the platform: `add_to(base)` puts it among a service's own, from
which its migrations are made."""

from sqlalchemy import BigInteger, Column, MetaData, String, Table
from sqlmodel import SQLModel

from shared.db.types import UTC

attachment = Table(
    "attachment",
    MetaData(),
    Column("sha256", String(64), primary_key=True),
    Column("owner", String(120), primary_key=True),  # principal that put it there; each owner answers for its own row
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(60), nullable=False),
    Column("name", String(200), nullable=False),
    Column("visibility", String(12), nullable=False),  # public | departmental
    Column("department", String(60), nullable=True),
    Column("uscc", String(18), nullable=True),
    Column("area", String(12), nullable=True),  # of the authority that put it there; null for an enterprise's
    Column("created_at", UTC, nullable=False),
)


def add_to(base: type[SQLModel]) -> None:
    """Call it in the service's `tables.py`."""
    metadata: MetaData = base.metadata
    if attachment.name not in metadata.tables:
        attachment.to_metadata(metadata)
