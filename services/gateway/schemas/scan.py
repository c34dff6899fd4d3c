"""The answer for one code."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from services.gateway.schemas.common import Envelope, Verdict


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
    kind: NotRequired[Literal["supervision", "self", "entrusted"] | None]


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
    since: str | None
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
