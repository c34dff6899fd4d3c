"""The body of a scan, for the documentation: the form of traceability's verdict, with the age of its parts."""

from typing import Literal

from typing_extensions import TypedDict

from services.gateway.schemas import Envelope, JourneyStep, Test, Verdict


class ScanCode(TypedDict):
    gtin: str
    lot: str | None
    serial: str | None
    lot_id: str | None
    uri: str


class ScanCheck(TypedDict):
    code: Literal["registered", "shelf_life", "recall", "hold", "tests"]
    ok: bool | None
    title: str
    text: str


class ScannedProduct(TypedDict):
    gtin: str
    name: str
    name_zh: str
    category: str | None


class ScanCredit(TypedDict):
    status: Literal["black", "red", "none"]
    since: str | None
    until: str | None
    listing_id: str | None
    ground: str | None
    as_of: str | None
    """Set when credit's part is not current."""


class ScanProducer(TypedDict):
    uscc: str
    name: str
    area_code: str | None
    credit: ScanCredit | None


class ScanRecall(TypedDict):
    recall_id: str
    number: str
    level: Literal[1, 2, 3]
    reason: str
    started_on: str
    contact: str | None


class ScanAnswer(Envelope):
    code: ScanCode
    verdict: Verdict
    title: str
    reasons: list[str]
    checks: list[ScanCheck]
    product: ScannedProduct | None
    producer: ScanProducer | None
    origin: str | None
    produced_on: str | None
    expires_on: str | None
    registered_at: str | None
    journey: list[JourneyStep]
    tests: list[Test]
    recall: ScanRecall | None
    claims: list[str]
    recalled_lots: list[str]
    links: dict[str, str]
