"""Bodies of test reports."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.attachments.schemas import AttachmentDigest, AttachmentOut
from shared.errors import field_error
from shared.identifiers import GTINStr, LotStr
from shared.reference.areas import AreaCode
from shared.texts import Name, Sentences
from shared.web import Body, Out

Kind = Literal["supervision", "self", "entrusted"]
Category = Literal["food", "agricultural"]
Result = Literal["pass", "fail"]


class ItemIn(Body):
    """One tested item, e.g. `{name: 毒死蜱, method: GB 23200.113-2018, limit: 0.01, value: 未检出, unit: mg/kg}`."""

    name: Name
    method: Name | None = None
    limit: Name | None = None
    value: Name | None = None
    unit: Name | None = None
    result: Result


class _Report(Body):
    kind: Kind
    category: Category
    area_code: AreaCode | None = None
    """Where the sample was taken; the producer's area when it is not given."""
    sampled_on: date
    tested_on: date
    items: Annotated[list[ItemIn], Field(min_length=1, max_length=500)]
    result: Result
    attachment: AttachmentDigest | None = None
    """The report as a file."""


class TestIn(_Report):
    """A report. The lot is named by `lot_id` (`<gtin14>.<lot>`), or by `gtin` and `lot`."""

    __test__ = False

    report_number: Name
    laboratory: Name
    sample_id: Name
    """The number of the sample for its whole life; a pass rate counts it once."""
    lot_id: Name | None = None
    gtin: GTINStr | None = None
    lot: LotStr | None = None

    @model_validator(mode="after")
    def _one_way_to_name_the_lot(self) -> Self:
        if (self.lot_id is None) == (self.gtin is None or self.lot is None):
            raise field_error(
                "test.lot", "请给出 lot_id，或同时给出 gtin 和 lot", "Give either lot_id, or both gtin and lot"
            )
        return self


class TestCorrectionIn(_Report):
    """The whole corrected report. Laboratory, number, sample and lot stay: another lot is another report."""

    __test__ = False

    reason: Sentences
    version: Annotated[int, Field(ge=1)] | None = None
    """The version that is corrected; `409` when there is a newer one."""


class TestReceipt(Out):
    """What was stored and what follows from it."""

    __test__ = False

    test_id: str
    version: int
    lot_id: str
    result: Result
    recorded_at: datetime
    alerts: list[str] = []
    """Alerts that this version opened."""


class ItemOut(Out):
    name: str
    method: str | None = None
    limit: str | None = None
    value: str | None = None
    unit: str | None = None
    result: Result


class TestOut(Out):
    __test__ = False

    test_id: str
    version: int
    report_number: str
    laboratory: str
    sample_id: str
    lot_id: str
    gtin: str
    producer_uscc: str
    area_code: str
    kind: Kind
    category: Category
    sampled_on: date
    tested_on: date
    items: list[ItemOut]
    result: Result
    attachment: AttachmentOut | None = None
    """The report as a file; null also where the caller may not see it."""
    known_from: datetime
    known_to: datetime | None
    recorder: str
    """`department:<code>` or `enterprise:<uscc>`: who alone corrects it."""
    reason: str | None
    """Why this version replaced the former one."""
