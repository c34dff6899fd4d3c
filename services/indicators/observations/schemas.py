"""Bodies and answers of observations."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from shared.errors import field_error
from shared.texts import Line, Note, Word
from shared.web import Body, Out, Receipt

REQUIRED = ("target_id", "period", "source")


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise field_error("number.type", "应为数字", "Needs to be a number")
    return value


Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=10**12)]
Number = Annotated[Decimal, BeforeValidator(_no_bool), Field(max_digits=16, decimal_places=6)]


class Components(Body):
    """For `community_health_center_coverage`: what its two measures are made of."""

    centres: Count | None = None
    subdistricts: Count | None = None
    population: Count | None = None


class ObservationIn(Body):
    """One figure: `n` and `passed`, or `value`, `grade`, `state`, `components`, as the target asks.

    Every field may be absent here, so that all errors of a row are found at once; the required ones are in `REQUIRED`.
    """

    model_config = ConfigDict(json_schema_extra={"required": list(REQUIRED)})

    target_id: Word | None = Field(None, examples=["food_sampling_pass_rate"])
    area_code: Word | None = Field(None, description="地区代码；没有代码的地区留空", examples=["370602"])
    area_name: Word | None = Field(None, description="没有代码的地区的名称")
    within: Word | None = Field(None, description="没有代码的地区所在地区的代码")
    period: Word | None = Field(
        None, description="2024、2024Q3、2024-07、2024-07-05、2024-07-01/2024-09-30，来源没有写时期时为 unknown"
    )
    n: Count | None = Field(None, description="抽查批次等总数")
    passed: Count | None = Field(None, description="其中合格数")
    value: Number | None = Field(None, description="指标单位的数值，比率为百分数")
    grade: Word | None = Field(None, examples=["一级"])
    state: Literal["achieved", "in_progress", "not_achieved"] | None = None
    components: Components | None = None
    breakdown: Word | None = Field(None, description="分类方式，如 食品类别；分类行不计入合计")
    category: Word | None = Field(None, description="分类，如 糕点")
    source: Line | None = None
    note: Note | None = None
    external_id: Word | None = None
    reason: Line | None = Field(None, description="修订的理由：与已登记的不同时必须写")


class ErrorOut(Out):
    pointer: str
    code: str
    detail: str


class Verdict(Out):
    """What became of one row. `not_stored`: the row is good, but another one is not and the batch is atomic."""

    index: int
    line: int | None = None
    """Line of the CSV file at which the row ends."""
    verdict: Literal["accepted", "revised", "repeated", "rejected", "not_stored"]
    external_id: str | None = None
    receipt: Receipt | None = None
    errors: list[ErrorOut] = []


class BatchOut(Out):
    dry_run: bool
    atomic: bool
    stored: int
    rejected: int
    verdicts: Sequence[Verdict]
    approval: Literal["provisional"] = "provisional"
    approval_note: str = "暂定：尚未经审核批准 / provisional: not approved yet"


class ObservationOut(Out):
    observation_id: str
    revision: int
    target_id: str
    area_code: str | None
    area_name: str | None
    within: str | None
    breakdown: str | None
    category: str | None
    period: str | None
    """Null where the source names no period."""
    period_from: date | None
    period_to: date | None
    n: int | None
    passed: int | None
    value: str | None
    grade: str | None
    state: str | None
    components: dict[str, Any] | None
    source: str
    note: str | None
    reason: str | None
    external_id: str | None
    department: str | None
    known_from: datetime
    known_to: datetime | None
    """When a revision replaced it, as far as was known at the time asked about."""
    approval: Literal["provisional"] = "provisional"
