"""Who may push on the bus, and each message that was pushed, kept with its answer."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC, Json


class UnitVersion(Table, table=True):
    """What a client was and might do from `valid_from` until its next version, as the issuer told (a projection)."""

    __tablename__ = "unit_version"

    client_id: str = Field(primary_key=True, max_length=60)
    version: int = Field(primary_key=True)
    valid_from: datetime = Field(sa_type=UTC)
    name: str = Field(max_length=200)
    kind: str = Field(max_length=12)
    department: str | None = Field(default=None, max_length=60)
    area: str | None = Field(default=None, max_length=12)
    scopes: list[str] = Field(sa_type=Json)
    demo: bool = False
    revoked_at: datetime | None = Field(default=None, sa_type=UTC)


class IntakeMessage(Table, table=True):
    """`place` is topic/partition/offset: a message that is delivered again finds its answer. Tokens are not kept."""

    __tablename__ = "intake_message"

    place: str = Field(primary_key=True, max_length=200)
    key: str = Field(max_length=200)
    message_id: str | None = Field(default=None, max_length=200)
    type: str = Field(max_length=150)
    sender: str | None = Field(default=None, max_length=120, index=True)
    received_at: datetime = Field(sa_type=UTC)
    stored_at: datetime | None = Field(default=None, sa_type=UTC)
    """When the broker took it, where it says so: the instant at which its sender is judged."""
    status: str = Field(max_length=12, index=True)
    """recorded, repeated, corrected, withdrawn or refused."""
    answer: str
    body: bytes = Field(sa_type=LargeBinary)
