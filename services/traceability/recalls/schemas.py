"""Bodies of recalls."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.identifiers import USCCStr
from shared.texts import Name, Sentences
from shared.times import Instant
from shared.web import Body, Out

LotId = Annotated[str, StringConstraints(pattern=r"^[0-9]{14}\.[!-~]{1,20}$")]
"""`<gtin14>.<lot>`."""
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]


class RecallIn(Body):
    """Open a recall. The affected set (what was made of these lots, and who holds it) is found by the register."""

    lots: Annotated[list[LotId], Field(min_length=1, max_length=100)]
    """Lot ids `<gtin14>.<lot>` of one producer."""
    level: Literal[1, 2, 3]
    reason: Sentences
    reason_en: Sentences | None = None
    risk: Sentences | None = None
    """What eating it may do, in plain words."""
    instructions: Sentences | None = None
    """What a holder of the food does."""
    contact: Name | None = None
    """Telephone of the recalling firm's service, not of a person."""
    learned_at: Instant | None = None
    """When the firm learned of the risk: the start clock runs from here. Now when it is not given."""
    producer_uscc: USCCStr | None = None
    """Of lots whose supplier is not here (an authority in whose area events named them orders the recall): who made
    them, if that is known. A firm that is on the register is named by its own authority only."""
    producer_name: Name | None = None
    """The same in words."""


class QuantityIn(Body):
    """What one holder took back and destroyed of one lot since the last report: one of the two amounts is above 0."""

    holder: Name
    lot_id: LotId
    uom: Annotated[str, StringConstraints(pattern=r"^([A-Z0-9]{2,3})?$")] = ""
    """UN/ECE Recommendation 20 code; empty counts pieces."""
    recovered: Amount = Decimal(0)
    destroyed: Amount = Decimal(0)
    note: Name | None = None


class RecallCloseIn(Body):
    outcome: Literal["completed", "revoked"]
    """`completed`: the lots stay recalled. `revoked`: the recall was wrong, and the lots are free."""
    note: Sentences


class RecallLotOut(Out):
    lot_id: str
    gtin: str
    lot: str
    product_name: str
    root: bool
    """Named when the recall was opened; the others follow from it."""
    late: bool
    """Joined by an event that came after the set was frozen."""
    joined_at: datetime


class ClockOut(Out):
    """The row of law that set the deadlines."""

    code: str
    level: Literal[1, 2, 3]
    meaning: str
    meaning_en: str
    start_hours: int
    finish_workdays: int
    source: str
    source_en: str
    start_article: str
    finish_article: str
    status: Literal["verified", "to be verified"]
    valid_from: date
    valid_until: date | None


class DutyOut(Out):
    code: Literal["start", "finish"]
    due: str
    text: str
    text_en: str


class ChangeOut(Out):
    at: datetime
    change: str
    change_en: str


class HoldingOut(Out):
    """Decimal text in the unit `uom`; empty counts pieces."""

    lot_id: str
    uom: str
    received: Decimal
    """Received or made."""
    on_hand: Decimal
    """0 where more went out than is known to have come in (`discrepancy`)."""
    sold: Decimal
    expected: Decimal
    """Shipped to this holder, no receipt reported: with `received` 0, a firm of which nobody but the sender says that
    it has any."""
    recovered: Decimal
    destroyed: Decimal
    confirmed: bool
    """False for what the holder alone says, or nobody any more (its events were declared in error): the quantities are
    those that it told, and count nowhere. Shown to authorities, and to the holder itself."""
    discrepancy: Decimal | None = None
    """For authorities, where the figures do not add up: how much more went out than is known to have come in. Null
    where they do, and for everybody else."""
    at_least: bool = False
    """True where the words on the lot add up to more than a case can keep: a figure of 9223372036854.775807 stands for
    at least so much."""


class HeldOut(HoldingOut):
    holder: str
    """USCC, else GLN."""


class HolderOut(Out):
    holder: str
    name: str | None
    notified_at: datetime
    acknowledged_at: datetime | None
    confirmed: bool
    """False for one that says so itself and whom nobody confirmed; shown to authorities and to itself."""
    holdings: list[HoldingOut]


class NoticeCount(Out):
    sent: int
    acknowledged: int


class PersistentDisposition(Out):
    set: list[str]
    unset: list[str]


class RecallSummary(Out):
    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    uscc: str
    """Who recalls; empty where the producer is not known (lots of a supplier that is not here)."""
    party_name: str
    area_code: str
    reason: str
    reason_en: str | None
    ordered: bool
    """Ordered by an authority (责令召回), not the producer's own (主动召回)."""
    state: Literal["open", "closed"]
    opened_at: datetime
    started_at: datetime | None
    start_by: datetime
    finish_by: date
    finish_by_certain: bool
    updated_at: datetime
    closed_at: datetime | None
    outcome: Literal["completed", "revoked"] | None
    lots: list[RecallLotOut]
    """The first 100, roots before the others."""
    lots_count: int
    lots_next: str | None
    """Address of the others; null when `lots` holds all."""
    overdue: list[DutyOut]


class AskOut(Out):
    """A duty to ask: an event says that a lot of the set went into this object of another, who has not confirmed it."""

    node: str
    asks: str | None
    """USCC of who can confirm it; null: a department of its area, and of a container who held it then, whom authorities
    alone are told."""
    event_id: str
    at: datetime


class RecallOut(RecallSummary):
    risk: str | None
    instructions: str | None
    contact: str | None
    outcome_note: str | None
    clock: ClockOut
    lots_counted: int
    """Lots whose holders are found. Less than `lots_count` for a while after a large set was recalled; the lots
    themselves are recalled at once."""
    changes: list[ChangeOut]
    """The newest 200, oldest first. All reports of quantities are one of them, with the time of the newest."""
    notices: NoticeCount
    persistent_disposition: PersistentDisposition
    holders: list[HolderOut] | None = None
    """For authorities and the recalling firm; a holder sees its own row; null for everybody else. At most the first
    500 holdings, by holder and lot."""
    holders_next: str | None = None
    """Address of the other holdings; null when `holders` holds all that the caller may see."""
    to_ask: list[AskOut] | None = None
    """For authorities and the recalling firm; null for everybody else. The first 100."""
    to_ask_count: int | None = None
    to_ask_next: str | None = None
    """Address of the others; null when `to_ask` holds all."""


class NoticeOut(Out):
    """A notice as its holder sees it."""

    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    party_name: str
    reason: str
    reason_en: str | None
    instructions: str | None
    contact: str | None
    state: Literal["open", "closed"]
    holder: str
    notified_at: datetime
    acknowledged_at: datetime | None
    lots: list[str]
    """Lots for which the notice was sent: those that the holder has or had, or said that it had; the first 100."""
    lots_count: int
    lots_next: str | None
    """Address of the others, with quantities; null when `lots` holds all."""
