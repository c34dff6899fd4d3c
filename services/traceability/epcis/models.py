"""Tables of the EPCIS interface."""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC, Json


class Capture(Table, table=True):
    """A capture job: the document as it was sent is stored before the `202`, so that no kill loses it."""

    __tablename__ = "capture"

    capture_id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UTC, index=True)
    finished_at: datetime | None = Field(default=None, sa_type=UTC)
    state: str = Field(index=True)
    """`waiting | done | aside`: its work is one transaction, so none is half done. `aside`: its work ended the process
    twice, and an operator decides."""
    worker: str | None = None
    """Who began the work; `begun` counts how often it was begun and never ended, which is what a kill leaves."""
    begun: int = 0
    begun_at: datetime | None = Field(default=None, sa_type=UTC)
    success: bool | None = None
    behaviour: str
    """`rollback | proceed`."""
    principal: dict[str, Any] = Field(sa_type=Json)
    """Who captured: what the owner rule needs when the job runs."""
    owner: str = Field(index=True)
    """Client id, for `GET /epcis/capture`."""
    document: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Emptied when the job is done: the events are in `epcis_event` then."""
    attempts: int = 0
    """How often processing failed for a reason that is not in the document."""
    events: int = 0
    stored: int = 0
    repeated: int = 0
    """Events that were in the repository already, or stand twice in the document."""
    refused: int = 0
    duplicates: list[dict[str, Any]] = Field(sa_type=Json)
    """`{pointer, event_id}` of the first events that are repeated."""
    errors: list[dict[str, Any]] = Field(sa_type=Json)
    """`{exception, event, errors: [{pointer, code, zh, en}]}` of the first events that were refused."""
