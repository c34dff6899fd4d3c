"""Events that the gateway publishes."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event


class Scan(BaseModel):
    """One look at a code. No address of a person: `where` is an area code when the client gave one."""

    model_config = ConfigDict(frozen=True)

    scan_id: str
    at: datetime
    gtin: str
    lot: str | None = None
    serial: str | None = None
    where: str | None = None


class ScansRecorded(Event):
    """A batch of scans, flushed at least every 0.5 s."""

    type: ClassVar[str] = "pinzhi.gateway.scans.recorded.v1"
    key_field: ClassVar[str] = "instance"

    instance: str
    scans: list[Scan]
