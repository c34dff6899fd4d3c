"""The shape of a verdict, for the OpenAPI document; the bytes are ready JSON (`body.py`)."""

from datetime import date, datetime
from typing import Literal

from shared.web import Out


class CodeOut(Out):
    gtin: str
    lot: str | None
    serial: str | None
    lot_id: str | None
    uri: str


class CheckOut(Out):
    """One thing that was looked at, with its fact. `ok` is null where nothing is known."""

    code: Literal["registered", "shelf_life", "recall", "hold", "tests"]
    ok: bool | None
    title: str
    text: str


class ProductOut(Out):
    gtin: str
    name: str
    name_zh: str
    category: str | None
    shelf_life_days: int | None


class CreditOut(Out):
    """The producer's public credit. It stands beside the verdict and never changes it."""

    status: Literal["black", "red", "none"]
    since: date | None
    until: date | None
    ground: str | None
    as_of: datetime | None
    """Time of the newest event of credit about this producer; null when there was none."""


class ProducerOut(Out):
    uscc: str
    name: str | None
    area_code: str | None
    credit: CreditOut


class StepOut(Out):
    """One step, oldest first; `gap` marks one that nobody reported."""

    at: datetime | None
    step: str
    title: str
    place: str | None
    area_code: str | None
    party: str | None
    note: str | None
    gap: bool


class TestSummaryOut(Out):
    test_id: str
    tested_on: date
    laboratory: str
    result: Literal["pass", "fail"]
    items: int
    report_number: str
    summary: str | None
    kind: Literal["supervision", "self", "entrusted"] | None


class NoticeOut(Out):
    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    reason: str
    started_on: date
    contact: str | None


class PersistentDispositionOut(Out):
    set: list[str]
    unset: list[str]


class QuantityOut(Out):
    value: str
    uom: str | None


class VerdictOut(Out):
    code: CodeOut
    verdict: Literal["safe", "recalled", "held", "expired", "unknown"]
    title: str
    reasons: list[str]
    checks: list[CheckOut]
    product: ProductOut | None
    producer: ProducerOut | None
    origin: str | None
    produced_on: date | None
    expires_on: date | None
    registered_at: datetime | None
    quantity: QuantityOut | None
    journey: list[StepOut]
    tests: list[TestSummaryOut]
    recall: NoticeOut | None
    persistent_disposition: PersistentDispositionOut
    open_alerts: int
    claims: list[str]
    recalled_lots: list[str] = []
    """For a code that names no lot: the lots of the product that are under recall."""
    links: dict[str, str]
