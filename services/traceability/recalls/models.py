"""Tables of recalls."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Index, text
from sqlmodel import Field

from services.traceability.base import Table
from shared.db.types import UTC, Fixed

AMOUNT = Fixed(6)
MOST = AMOUNT.largest
"""The largest quantity that a case keeps, in any unit: 9,223,372,036,854.775807. What the words on a lot add up to has
no bound, as anybody may speak of it; a figure beyond is kept as this one, and shown as `at_least`."""


class RecallNumber(Table, table=True):
    """The last number given in a year. Its row is locked until commit, so numbers have no gap."""

    __tablename__ = "recall_number"

    year: int = Field(primary_key=True)
    last: int


class Recall(Table, table=True):
    __tablename__ = "recall"
    __table_args__ = (Index("ix_recall_state", "state", "recall_id"),)

    recall_id: str = Field(primary_key=True)
    number: str = Field(unique=True)
    """`R-2026-001`."""
    level: int
    uscc: str = Field(index=True)
    """Who recalls: the producer."""
    party_name: str
    area_code: str
    reason: str
    reason_en: str | None = None
    risk: str | None = None
    instructions: str | None = None
    contact: str | None = None
    clock: str
    """Code of the row of `recalls/rulebook.py` that set the two deadlines."""
    learned_at: datetime = Field(sa_type=UTC)
    """When the producer learned of the risk: the start clock runs from here."""
    opened_at: datetime = Field(sa_type=UTC)
    opened_by: str
    ordered: bool
    """Opened by an authority (责令召回), not by the producer itself (主动召回)."""
    started_at: datetime | None = Field(default=None, sa_type=UTC)
    """When the producer started to recall; null until it says so."""
    start_by: datetime = Field(sa_type=UTC)
    finish_by: date
    finish_by_certain: bool
    """False while the year's days off are not announced."""
    state: str
    """`open | closed`."""
    updated_at: datetime = Field(sa_type=UTC)
    lots_count: int = 0
    """How many lots the set holds."""
    closed_at: datetime | None = Field(default=None, sa_type=UTC)
    closed_by: str | None = None
    outcome: str | None = None
    """`completed` (the lots stay recalled) or `revoked` (the recall was wrong: the lots are free)."""
    outcome_note: str | None = None


class RecallLot(Table, table=True):
    """A lot of the affected set. The set only grows."""

    __tablename__ = "recall_lot"
    __table_args__ = (
        Index("ix_recall_lot_lot", "lot_id"),
        Index("ix_recall_lot_gtin", "gtin", "lot"),
        Index("uq_recall_lot_position", "recall_id", "position", unique=True),
        Index(
            "ix_recall_lot_uncounted",
            "recall_id",
            "position",
            sqlite_where=text("counted = 0"),
            postgresql_where=text("NOT counted"),
        ),
        Index(
            "uq_recall_lot_open_root",
            "lot_id",
            unique=True,
            sqlite_where=text("open_root = 1"),
            postgresql_where=text("open_root"),
        ),
    )

    recall_id: str = Field(primary_key=True)
    lot_id: str = Field(primary_key=True)
    position: int
    """From 1, in the order in which they joined, roots first."""
    gtin: str
    lot: str
    product_name: str
    root: bool
    """Named when the recall was opened; the others follow from it."""
    open_root: bool
    """A lot is the root of one open recall at most; the index says so."""
    late: bool
    """Joined by an event that came after the set was frozen."""
    joined_at: datetime = Field(sa_type=UTC)
    counted: bool
    """Whether `recall_holding` tells who holds how much of it: a large set is counted after it was recalled."""


class RecallHolding(Table, table=True):
    """What one holder had of one lot, as the events told it when the set was last computed. A row stays when nobody
    says it any more (an event was declared in error): who was told of the lot is still to know of which."""

    __tablename__ = "recall_holding"
    __table_args__ = (Index("ix_recall_holding_lot", "recall_id", "lot_id"),)

    recall_id: str = Field(primary_key=True)
    holder: str = Field(primary_key=True)
    """USCC, else GLN."""
    lot_id: str = Field(primary_key=True)
    uom: str = Field(default="", primary_key=True)
    """UN/ECE Recommendation 20 code; empty counts pieces."""
    received: Decimal = Field(default=Decimal(0), sa_type=AMOUNT)
    """Received or made."""
    on_hand: Decimal = Field(default=Decimal(0), sa_type=AMOUNT)
    """Negative where more went out than is known to have come in."""
    sold: Decimal = Field(default=Decimal(0), sa_type=AMOUNT)
    expected: Decimal = Field(default=Decimal(0), sa_type=AMOUNT)
    """Shipped to this holder, no receipt reported."""
    recovered: Decimal = Field(default=Decimal(0), sa_type=AMOUNT)
    destroyed: Decimal = Field(default=Decimal(0), sa_type=AMOUNT)
    confirmed: bool = True
    """False for what only the holder says, or nobody any more: it counts nowhere, and departments see it marked."""


class RecallQuantity(Table, table=True):
    """One report of recovered and destroyed quantities."""

    __tablename__ = "recall_quantity"

    entry_id: str = Field(primary_key=True)
    recall_id: str = Field(index=True)
    holder: str
    lot_id: str
    uom: str
    recovered: Decimal = Field(sa_type=AMOUNT)
    destroyed: Decimal = Field(sa_type=AMOUNT)
    note: str | None = None
    reported_at: datetime = Field(sa_type=UTC)
    reported_by: str


class RecallNotice(Table, table=True):
    """The duty of one holder to confirm that it knows."""

    __tablename__ = "recall_notice"
    __table_args__ = (Index("ix_recall_notice_holder", "holder", "recall_id"),)

    recall_id: str = Field(primary_key=True)
    holder: str = Field(primary_key=True)
    holder_name: str | None = None
    notified_at: datetime = Field(sa_type=UTC)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTC)
    acknowledged_by: str | None = None


class RecallChange(Table, table=True):
    """What happened in the case, oldest first by id."""

    __tablename__ = "recall_change"

    change_id: str = Field(primary_key=True)
    recall_id: str = Field(index=True)
    at: datetime = Field(sa_type=UTC)
    text: str
    text_en: str
