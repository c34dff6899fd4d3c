"""The enterprise and what stands in its file."""

from typing import (
    Any,
    Literal,
    NotRequired,  # pydantic takes no other TypedDict before Python 3.12
)

from typing_extensions import TypedDict

from services.gateway.schemas.common import Colour, Envelope


class Identity(TypedDict):
    name: str
    former_names: list[str]
    area_code: str
    area_name: str | None
    industry_code: str | None
    industry_name: str | None
    state: Literal["active", "revoked", "cancelled", "moved_out"]
    chief_quality_officer: bool


class Listing(TypedDict):
    """One entry of the red or black list, ended ones too."""

    listing_id: str
    uscc: str
    party_name: str
    colour: Colour
    area_code: str
    area_name: str | None
    industry_code: str | None
    ground_code: str
    ground: str
    ground_en: str
    article: str
    authority: str
    authority_name: str
    document_number: str
    decided_on: str
    published_on: str
    valid_from: str
    valid_until: str
    """Last day in force."""
    removable_from: str | None
    measures: list[str]
    remedies: str
    remedies_en: str
    removed_on: str | None
    removed_reason: Literal["expired", "revoked", "repaired"] | None
    in_force: bool
    """Computed from the dates at the time of the answer."""
    days_left: int | None
    """Days until `valid_until` while in force."""
    days_to_removable: int | None
    """Days until early removal may be applied for; 0 when it may be now; null when the law gives none."""


class Violation(TypedDict):
    """A published penalty decision."""

    violation_id: str
    version: int
    party_name: str
    authority: str
    authority_name: str
    area_code: str
    document_number: str
    violation_type: str
    field: str
    decision_date: str
    penalty_kinds: list[str]
    fine_fen: int | None
    legal_basis: str
    published_on: str
    expires_on: str
    ended_on: str | None
    ended_reason: Literal["expired", "withdrawn", "repaired"] | None
    in_force: bool
    """Whether it is still shown (from the dates). Ended ones are not in public views."""


class Product(TypedDict):
    gtin: str
    name: str
    name_en: str | None
    category: str | None
    shelf_life_days: int | None
    claims: list[str]
    state: Literal["active", "withdrawn"]
    open_recalls: int


class RecallLot(TypedDict):
    lot_id: str
    gtin: str
    lot: str
    product_name: str
    href: str
    """Digital Link path of the lot, `/01/{gtin}/10/{lot}`."""


class RecallSummary(TypedDict):
    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    uscc: str
    party_name: str
    area_code: str
    area_name: str | None
    reason: str
    reason_en: str | None
    lots: list[RecallLot]
    """The first 100."""
    lots_count: int
    opened_at: str
    finish_by: str
    updated_at: str | None
    closed_at: str | None
    state: Literal["open", "closed"]


class TimelineItem(TypedDict):
    """One line of 经过, newest first."""

    on: str
    kind: Literal["listing", "listing_removed", "violation", "recall", "recall_closed"]
    title: str
    title_en: str
    colour: Colour | None
    ref: str
    """listing_id, violation_id or recall_id."""


class CreditStatus(TypedDict):
    status: Literal["black", "red", "none"]
    """`none`: no public adverse or honour record in force (not the same as no breach of law)."""
    listings: list[Listing]
    """In force, black first."""
    former_listings: list[Listing]


class EnterpriseTest(TypedDict):
    """A test report of one of its lots."""

    test_id: str
    sample_id: str
    lot_id: str
    gtin: str
    area_code: str
    kind: Literal["supervision", "self", "entrusted"]
    category: Literal["food", "agricultural"]
    result: Literal["pass", "fail"]
    tested_on: str
    laboratory: str
    report_number: str
    failed_items: list[str]


class Inspections(TypedDict):
    """Supervision tests (监督抽检) of the twelve months before. A rate of one enterprise is not for comparing it."""

    since: str
    until: str
    n: int
    passed: int
    newest: list[EnterpriseTest]
    """At most ten, of any age."""


class DepartmentPart(TypedDict):
    """What an authority may read of each part at its own service, by scope and area; null: its token may not read such
    records anywhere."""

    violations: list[dict[str, Any]] | None
    """Recorded ones that are not (yet) public: fields of `Violation` without publication dates, `publishable`."""
    procedures: list[dict[str, Any]] | None
    """Listing procedures under way: listing_id, colour, area_code, authority, ground_code, proposed_at."""
    tests: list[EnterpriseTest] | None
    """Of every kind, newest first, at most fifty."""
    alerts: list[dict[str, Any]] | None
    """Open ones about the enterprise or its lots: alert_id, rule, subject, lots, holds, opened_at, summary."""


class EnterpriseView(Envelope):
    uscc: str
    as_of: str | None
    """The asked day; null: today."""
    identity: Identity | None
    """Null when credit never announced it (a producer may be known by its products only)."""
    name: str
    credit: CreditStatus | None
    violations: list[Violation]
    products: list[Product]
    recalls: list[RecallSummary]
    tests: Inspections
    timeline: list[TimelineItem]
    department: NotRequired[DepartmentPart]
