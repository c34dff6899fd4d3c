"""Bodies of rights: makers of a product, claims on objects."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.errors import field_error
from shared.identifiers import USCCStr
from shared.web import Body, Out


class MakerIn(Body):
    """A contract maker. Its past lots stay its own after `until`; left out, it ends today (where a department leaves it
    out, it never was a maker)."""

    uscc: USCCStr
    since: date | None = None
    """First day, by the time of the event; left out: the day on which the maker was first named."""
    until: date | None = None
    """Last day, inclusive, by the time of the event."""

    @model_validator(mode="after")
    def _days(self) -> Self:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise field_error("maker.days", "截止日早于起始日", "until is before since")
        return self


class MakersIn(Body):
    makers: Annotated[list[MakerIn], Field(max_length=100)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({maker.uscc for maker in self.makers}) < len(self.makers):
            raise field_error("maker.twice", "同一生产者只能列一次", "A maker stands once")
        return self


class MakerOut(Out):
    uscc: str
    name: str | None
    since: date | None
    until: date | None


class MakersOut(Out):
    gtin: str
    owner_uscc: str
    makers: list[MakerOut]
    version: int
    """0 before the first were named."""
    updated_at: datetime | None


class ClaimedObject(Out):
    node: str
    """`<gtin14>.<lot>`, else a Digital Link URI."""
    field: str
    """Where it stands in the event: `output_quantity`, `parent`, `epc`, ..."""
    quantity: Decimal | None
    uom: str | None
    asks: str | None
    """Who may confirm it; null: a department, and of a container also who held it then, whom a claimant is not told."""


class ClaimOut(Out):
    """An event that says something of another party's objects or place, which that party has not confirmed."""

    record_id: str
    event_id: str
    event_type: str
    biz_step: str | None
    at: datetime
    recorded_at: datetime
    claimant: str
    """USCC, or `department:<code>`."""
    claimant_name: str | None
    objects: list[ClaimedObject]
    """The first 100 that wait; `objects_count` is how many do."""
    objects_count: int
    place: str | None
    """GLN, where the event was at a place of another."""


class DecisionOut(Out):
    record_id: str
    confirmed: bool
    nodes: list[str]
    """The objects that were decided on; `place` for where the event was."""


class ProductConfirmationOut(Out):
    gtin: str
    owner_uscc: str
    confirmed_by: str
    """USCC, or `department:<code>`."""


class PlaceConfirmationOut(Out):
    gln: str
    uscc: str
    confirmed_by: str
