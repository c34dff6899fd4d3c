"""The shapes of everything the gateway shows: what the view functions give the portal and the JSON endpoints answer.

Two languages: a text stands beside its English twin with the suffix `_en`; the twin may be null, then show the Chinese
text with `lang="zh-CN"`. Days are `YYYY-MM-DD`, instants RFC 3339 in UTC. Money is in fen (分). Values of rates are
decimal text in per cent. Nothing here is personal data or a risk class.

Freshness: `parts` says for every source whether it is current. A part that is not current carries `as_of` (up to when
it is known to be whole) and `age_seconds`. A part that could not be had at all stands in `errors` and its fields are
null or empty; then `complete` is false.
"""

from typing import Any, Literal, NotRequired, TypedDict

from shared.events.indicators import Light
from shared.i18n import Lang as Lang

Colour = Literal["black", "red"]
PartName = Literal["indicators", "credit", "traceability"]
Verdict = Literal["safe", "recalled", "held", "expired", "unknown", "suspicious"]
FeedKind = Literal[
    "listing_published",
    "listing_removed",
    "violation_published",
    "recall_opened",
    "recall_updated",
    "recall_closed",
]


class Part(TypedDict):
    """How fresh one source is."""

    current: bool
    as_of: str | None
    """Null when current (the answer is as of now)."""
    age_seconds: int | None
    """Null when current."""
    changed_at: str | None
    """Time of the newest event of this source in the answer; null when there is none."""


class PartError(TypedDict):
    part: str
    code: Literal["unavailable", "timeout", "refused", "bad_answer", "busy"]
    retryable: bool
    detail: str
    detail_en: str


class Envelope(TypedDict):
    """Stands in every view."""

    complete: bool
    parts: dict[str, Part]
    """Keys: `PartName`."""
    errors: list[PartError]


# --- enterprise -------------------------------------------------------------------------------------------------


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
    facts: str
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


class DepartmentPart(TypedDict):
    """Only for departments and staff."""

    violations: list[dict[str, Any]]
    """Recorded ones that are not (yet) public: fields of `Violation` without publication dates, `publishable`."""
    procedures: list[dict[str, Any]]
    """Listing procedures under way: listing_id, colour, area_code, authority, ground_code, proposed_at."""


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
    timeline: list[TimelineItem]
    department: NotRequired[DepartmentPart]


# --- scan -------------------------------------------------------------------------------------------------------


class Check(TypedDict):
    """One thing that was looked at for the verdict, with its fact."""

    code: Literal["registered", "shelf_life", "recall", "hold", "tests"]
    ok: bool | None
    """Null: nothing is known (no test on record, no date given)."""
    title: str
    title_en: str
    text: str
    text_en: str


class JourneyStep(TypedDict):
    at: str | None
    step: str
    place: str | None
    area_code: str | None
    party: str | None
    note: str | None
    gap: bool


class Test(TypedDict):
    test_id: str
    tested_on: str
    laboratory: str
    result: Literal["pass", "fail"]
    items: int
    report_number: str
    summary: str | None


class Recall(TypedDict):
    """The notice on a lot."""

    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    reason: str
    reason_en: str | None
    started_on: str
    contact: str | None


class CreditMark(TypedDict):
    """The producer's public credit, shown beside the verdict; it never changes the verdict."""

    status: Literal["black", "red", "none"]
    ground: str | None
    ground_en: str | None
    until: str | None
    listing_id: str | None
    as_of: str | None
    """Set when credit's part is not current."""


class Producer(TypedDict):
    uscc: str
    name: str
    area_code: str | None
    area_name: str | None
    credit: CreditMark | None
    """Null: credit could not be had."""


class ScanProduct(TypedDict):
    gtin: str
    name: str
    name_en: str | None
    category: str | None
    claims: list[str]


class ScanView(Envelope):
    code: str
    """Digital Link path of what was asked."""
    gtin: str
    lot: str | None
    serial: str | None
    verdict: Verdict
    reasons: list[str]
    reasons_en: list[str]
    product: ScanProduct | None
    producer: Producer | None
    origin: str | None
    produced_on: str | None
    expires_on: str | None
    registered_at: str | None
    checks: list[Check]
    journey: list[JourneyStep]
    tests: list[Test]
    recall: Recall | None
    recalled_lots: list[str]
    """For a code without a lot: lots of this product under an open recall."""
    links: dict[str, str]
    """`self`, `page`, `scans` (counts, with their own as-of time), `enterprise`, `recall`."""


# --- city -------------------------------------------------------------------------------------------------------


class TargetLight(TypedDict):
    """One row of the plan with its light in one area."""

    target_id: str
    position: int
    name: str
    name_en: str | None
    section: str
    quote: str
    comparator: str
    goal: str
    goal_en: str
    unit: str
    deadline: str | None
    lead_departments: list[str]
    departments: list[str]
    has_figure: bool
    light: Light
    """`no_data` where no light was ever given for this area."""
    sentence: str
    sentence_en: str
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    period: str | None
    source: str | None
    provisional: bool
    lit_as_of: str | None
    """Day that the light speaks of."""
    rule_version: str | None


class AreaLight(TypedDict):
    """The same target in another area. Order: by code; a small n is not ranked."""

    area_code: str
    area_name: str | None
    light: Light
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    period: str | None
    source: str | None
    lit_as_of: str | None


class Section(TypedDict):
    section: str
    targets: list[TargetLight]


class FeedItem(TypedDict):
    seq: int
    kind: FeedKind
    at: str
    title: str
    title_en: str
    summary: str
    summary_en: str
    href: str
    """Page of the subject, e.g. `/recalls/{id}`."""
    uscc: str | None
    area_code: str | None


class CityView(Envelope):
    area_code: str
    area_name: str | None
    as_of: str | None
    lights: dict[str, int]
    """Number of targets for each light, before the filters; all eight keys are there."""
    total: int
    with_figure: int
    targets: list[TargetLight]
    """After the filters `light` and `dept`, in the plan's order."""
    sections: list[Section]
    """All targets, by section in the plan's order (before the filters)."""
    attention: list[TargetLight]
    """Breached, off track, at risk, cannot tell: worst first, all of them."""
    departments: list[str]
    """Lead departments to filter by."""
    areas: list[dict[str, str]]
    """Areas that have lights: area_code, area_name."""
    black: int
    red: int
    open_recalls: int
    latest: list[FeedItem]
    """The newest five public notices."""


class SeriesPoint(TypedDict):
    period: str
    area_code: str
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    source: str | None
    provisional: bool


class TargetView(Envelope):
    area_code: str
    area_name: str | None
    as_of: str | None
    target: TargetLight
    areas: list[AreaLight]
    series: list[SeriesPoint] | None
    """Asked from indicators for this answer; null (and an error of part `series`) when it is down."""


# --- lists, recalls, feed, state --------------------------------------------------------------------------------


class ListView(Envelope):
    colour: Colour
    q: str | None
    area_code: str | None
    items: list[Listing]
    """In force on the day of the answer, newest publication first."""
    total: int
    totals: dict[str, int]
    """Entries in force of both lists without the filters: `black`, `red`."""
    next: str | None
    """Cursor of the next page."""


class RecallDetail(RecallSummary):
    risk: str | None
    instructions: str | None
    contact: str | None
    start_by: str
    outcome: str | None
    changes: list[dict[str, str]]
    """`at`, `change`: oldest first."""


class RecallsView(Envelope):
    state: Literal["open", "closed", "all"]
    q: str | None
    items: list[RecallSummary]
    total: int
    next: str | None


class RecallView(Envelope):
    recall: RecallDetail


class FeedView(Envelope):
    items: list[FeedItem]
    next: str | None


class ServiceState(TypedDict):
    name: str
    """`indicators`, `credit`, `traceability`, `gateway`."""
    state: Literal["up", "degraded", "down", "unknown"]
    """`degraded`: it answers but says it is not ready. `unknown`: not asked yet."""
    last_contact: str | None
    as_of: str | None
    """Up to when the gateway has all its events."""
    age_seconds: int | None
    outbox_pending: int | None
    outbox_oldest_seconds: float | None
    lag_records: int | None
    """Events of this service that the gateway has not applied."""
    breaker: Literal["closed", "open", "half_open"]
    detail: str | None


class StateView(TypedDict):
    at: str
    """Time of the answer."""
    ok: bool
    services: list[ServiceState]
    dead_letters: int
