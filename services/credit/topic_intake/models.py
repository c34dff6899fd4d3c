"""Messages of the intake topic, each kept with its answer."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field

from services.credit.base import Table
from shared.db.types import UTC


class IntakeMessage(Table, table=True):
    """`place` is topic/partition/offset: a message that is delivered again finds its answer. Tokens are not kept."""

    __tablename__ = "intake_message"

    place: str = Field(primary_key=True, max_length=200)
    key: str = Field(max_length=200)
    message_id: str | None = Field(default=None, max_length=200)
    type: str = Field(max_length=150)
    sender: str | None = Field(default=None, max_length=120, index=True)
    received_at: datetime = Field(sa_type=UTC)
    status: str = Field(max_length=12, index=True)
    """recorded, repeated, corrected, withdrawn or refused."""
    answer: str
    body: bytes = Field(sa_type=LargeBinary)
