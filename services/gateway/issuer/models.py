"""Tables of the embedded issuer."""

from datetime import datetime

from sqlmodel import Field

from services.gateway.base import Table
from shared.db.types import UTC, Json


class ClientRow(Table, table=True):
    """A system that gets tokens by client credentials: of a department or of an enterprise."""

    __tablename__ = "client"

    client_id: str = Field(primary_key=True, max_length=60)
    name: str = Field(max_length=200)
    kind: str = Field(max_length=12)
    """`department | enterprise`."""
    secret_hash: str = Field(max_length=200)
    department: str | None = Field(default=None, max_length=60)
    area: str | None = Field(default=None, max_length=12)
    uscc: str | None = Field(default=None, max_length=18)
    scopes: list[str] = Field(sa_type=Json)
    demo: bool = False
    created_at: datetime = Field(sa_type=UTC)
    rotated_at: datetime | None = Field(default=None, sa_type=UTC)
    revoked_at: datetime | None = Field(default=None, sa_type=UTC)
    version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Of the last `client.updated` that told the other services; 0 when none did yet."""
    changed_at: datetime | None = Field(default=None, sa_type=UTC)
    """`valid_from` of that version."""


class UserRow(Table, table=True):
    """A person of a department."""

    __tablename__ = "user"

    username: str = Field(primary_key=True, max_length=60)
    name: str = Field(max_length=200)
    secret_hash: str = Field(max_length=200)
    department: str = Field(max_length=60)
    area: str = Field(max_length=12)
    roles: list[str] = Field(sa_type=Json)
    demo: bool = False
    created_at: datetime = Field(sa_type=UTC)
    rotated_at: datetime | None = Field(default=None, sa_type=UTC)
    revoked_at: datetime | None = Field(default=None, sa_type=UTC)
