"""Events that the gateway publishes."""

from datetime import datetime
from typing import ClassVar, Literal

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


class ScanCount(BaseModel):
    """Several looks at a code from one address that asks for more than is logged one by one."""

    model_config = ConfigDict(frozen=True)

    gtin: str
    lot: str | None = None
    serial: str | None = None
    where: str | None = None
    times: int
    first_at: datetime
    last_at: datetime


class ScansRecorded(Event):
    """A batch of scans, flushed at least every 0.5 s."""

    type: ClassVar[str] = "pinzhi.gateway.scans.recorded.v1"
    key_field: ClassVar[str] = "instance"

    instance: str
    scans: list[Scan]
    counts: list[ScanCount] = []
    """Scans beyond those in `scans`, of which only the number is kept."""


class ClientUpdated(Event):
    """A client of the embedded issuer was registered, changed or revoked: what it may do from `valid_from` on.

    One event for each version, so that a reader can say what held at any instant. Secrets and the keys to topics are
    no part of it.
    """

    type: ClassVar[str] = "pinzhi.gateway.client.updated.v1"
    key_field: ClassVar[str] = "client_id"

    client_id: str
    version: int
    """1, 2, 3 ... without a gap."""
    valid_from: datetime
    """Not before that of the version before; this version ends where the next one begins."""
    name: str
    kind: Literal["department", "enterprise"]
    department: str | None = None
    area: str | None = None
    uscc: str | None = None
    scopes: list[str] = []
    demo: bool = False
    """Accepted in demo mode only."""
    revoked_at: datetime | None = None
    """From this instant on nothing of the client is accepted: no token that was issued before, and no message that the
    broker took at or after it."""


class PrincipalRevoked(Event):
    """A client or user may do nothing any more: tokens of it that were issued before `not_before` are refused."""

    type: ClassVar[str] = "pinzhi.gateway.principal.revoked.v1"
    key_field: ClassVar[str] = "principal"

    principal: str
    """`client:<id>` or `user:<id>`, the `sub` of its tokens."""
    not_before: datetime
