"""Events that the traceability service publishes."""

from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event

Verdict = Literal["safe", "recalled", "held", "expired", "unknown", "suspicious"]


class PartyUpdated(Event):
    """A food-chain party (refers to credit's enterprise by USCC)."""

    type: ClassVar[str] = "pinzhi.traceability.party.updated.v1"
    key_field: ClassVar[str] = "party_id"

    party_id: str
    """The USCC."""
    name: str
    area_code: str
    roles: list[str] = []


class ProductUpdated(Event):
    type: ClassVar[str] = "pinzhi.traceability.product.updated.v1"
    key_field: ClassVar[str] = "gtin"

    gtin: str
    name: str
    name_en: str | None = None
    owner_uscc: str
    category: str | None = None
    shelf_life_days: int | None = None
    claims: list[str] = []
    state: Literal["active", "withdrawn"] = "active"


class JourneyStep(BaseModel):
    """One step of a lot's way, oldest first. `gap` marks a step that nobody reported."""

    model_config = ConfigDict(frozen=True)

    at: datetime | None
    step: str
    """CBV business step, e.g. `commissioning`, `shipping`."""
    place: str | None = None
    area_code: str | None = None
    party: str | None = None
    note: str | None = None
    gap: bool = False


class TestSummary(BaseModel):
    __test__ = False
    model_config = ConfigDict(frozen=True)

    test_id: str
    tested_on: date
    laboratory: str
    result: Literal["pass", "fail"]
    items: int
    report_number: str
    summary: str | None = None
    kind: Literal["supervision", "self", "entrusted"] | None = None


class CheckSummary(BaseModel):
    """What one check of the verdict says. `ok` is null where nothing is known or a failure was settled."""

    model_config = ConfigDict(frozen=True)

    ok: bool | None
    title: str
    title_en: str
    text: str
    text_en: str


class Instruction(BaseModel):
    """The recall notice on a lot: what happened and what the holder of the food does."""

    model_config = ConfigDict(frozen=True)

    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    reason: str
    reason_en: str | None = None
    started_on: date
    contact: str | None = None


class LotUpdated(Event):
    """The whole public verdict state of one lot after a change. The verdict for an unexpired, unheld and unrecalled lot
    is `safe` until `expires_on`; whoever shows it computes `expired` from that day, so no event is needed at midnight.
    """

    type: ClassVar[str] = "pinzhi.traceability.lot.updated.v1"
    key_field: ClassVar[str] = "lot_id"

    lot_id: str
    """`<gtin14>.<lot>`."""
    gtin: str
    lot: str
    verdict: Literal["safe", "recalled", "held", "unknown"]
    """`unknown` ends what was said of a lot that nobody registered (its recall was revoked)."""
    held: bool = False
    """Whether an open alert holds the lot, under a recall too."""
    reasons: list[str] = []
    reasons_en: list[str] = []
    product_name: str
    product_name_en: str | None = None
    producer_uscc: str
    producer_name: str
    origin: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    registered_at: datetime
    claims: list[str] = []
    journey: list[JourneyStep] = []
    tests: list[TestSummary] = []
    tests_check: CheckSummary | None = None
    """What the reports say together: supervision before the producer's own, a failure until its alert is closed."""
    recall: Instruction | None = None
    open_alerts: int = 0


class TestRecorded(Event):
    """A test report of a lot. A pass rate counts `sample_id` once."""

    __test__ = False
    type: ClassVar[str] = "pinzhi.traceability.test.recorded.v1"
    key_field: ClassVar[str] = "lot_id"

    test_id: str
    sample_id: str
    lot_id: str
    gtin: str
    producer_uscc: str
    area_code: str
    kind: Literal["supervision", "self", "entrusted"]
    category: Literal["food", "agricultural"]
    result: Literal["pass", "fail"]
    tested_on: date
    laboratory: str
    report_number: str
    failed_items: list[str] = []


class TestCorrected(TestRecorded):
    """Replaces the former body of the same `test_id`."""

    type: ClassVar[str] = "pinzhi.traceability.test.corrected.v1"
    reason: str
    version: int


class AlertOpened(Event):
    type: ClassVar[str] = "pinzhi.traceability.alert.opened.v1"
    key_field: ClassVar[str] = "alert_id"

    alert_id: str
    rule: str
    subject: str
    lots: list[str] = []
    holds: bool = False
    opened_at: datetime
    summary: str
    area_code: str | None = None
    """Whose authorities see it; told again when an open alert goes to another area with its firm."""


class AlertClosed(Event):
    type: ClassVar[str] = "pinzhi.traceability.alert.closed.v1"
    key_field: ClassVar[str] = "alert_id"

    alert_id: str
    closed_at: datetime
    reason: str


class RecallLot(BaseModel):
    model_config = ConfigDict(frozen=True)

    lot_id: str
    gtin: str
    lot: str
    product_name: str


class _Recall(Event):
    key_field: ClassVar[str] = "recall_id"

    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    uscc: str
    """Who recalls: the producer. Empty where an authority recalls lots of a supplier that is not here and whose number
    nobody knows; `party_name` says then what is known of it."""
    party_name: str
    area_code: str
    """Whose authorities have the case: the producer's area; of a supplier that is not here, the area that ordered it.
    """
    reason: str
    reason_en: str | None = None
    risk: str | None = None
    instructions: str | None = None
    contact: str | None = None
    lots: list[RecallLot]
    """The whole set where `lots_count` is null, as it was told before there were pages. Else the first ones only, at
    most 100, for those who show a notice: the set changes by `RecallLotsAdded` and `RecallLotsReleased` alone."""
    opened_at: datetime
    start_by: datetime
    finish_by: date
    lots_count: int | None = None
    """How many lots the recall holds when the pages of this change are applied too."""


class RecallOpened(_Recall):
    type: ClassVar[str] = "pinzhi.traceability.recall.opened.v1"


class RecallUpdated(_Recall):
    """The case after a change (lots added by late events, quantities recovered)."""

    type: ClassVar[str] = "pinzhi.traceability.recall.updated.v1"
    change: str
    updated_at: datetime
    replaces: bool = False
    """Whether this change takes the place of the earlier one with the same words: all reports of quantities are one
    line of the case."""


class RecallClosed(Event):
    type: ClassVar[str] = "pinzhi.traceability.recall.closed.v1"
    key_field: ClassVar[str] = "recall_id"

    recall_id: str
    uscc: str
    closed_at: datetime
    outcome: str


class _RecallLots(Event):
    """One page of a change of the set: it follows the event of the change, and the pages come in their order. A set
    has no bound and a record of the bus has, so no event carries a set."""

    key_field: ClassVar[str] = "recall_id"

    recall_id: str
    uscc: str
    lots: list[RecallLot]
    """At most 2,000."""
    page: int
    """From 1; `pages` is how many the change has."""
    pages: int
    lots_count: int
    """How many lots the recall holds after the last page."""
    changed_at: datetime


class RecallLotsAdded(_RecallLots):
    type: ClassVar[str] = "pinzhi.traceability.recall.lots_added.v1"


class RecallLotsReleased(_RecallLots):
    """These lots are no longer under the recall, which goes on for the others."""

    type: ClassVar[str] = "pinzhi.traceability.recall.lots_released.v1"
    reason: str
    reason_en: str | None = None
