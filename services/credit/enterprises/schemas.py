"""Bodies of the enterprises."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from shared.errors import field_error
from shared.reference.areas import AreaCode
from shared.texts import Line, Name
from shared.web import Body

State = Literal["active", "revoked", "cancelled", "moved_out"]


class EnterpriseIn(Body):
    """A statement about a subject that holds from `valid_from` (today where it is not given) on."""

    name: Name
    former_names: list[Name] = Field(default=[], max_length=50)
    area_code: AreaCode
    industry_code: str | None = Field(default=None, pattern=r"^[A-Z]\d{0,4}$", examples=["C13"])
    """GB/T 4754: the letter of the section and up to four digits."""
    state: State = "active"
    chief_quality_officer: bool = False
    """首席质量官: whether there is one; the person is not named."""
    valid_from: date | None = None
    register_evidence: Line | None = None
    """What shows that a code which fails its check stands so in the register."""

    @field_validator("valid_from")
    @classmethod
    def _not_in_future(cls, day: date | None, info: ValidationInfo) -> date | None:
        today: date | None = (info.context or {}).get("today")
        if day is not None and today is not None and day > today:
            raise field_error("enterprise.valid_from", "生效日期不能晚于今天", "valid_from cannot be after today")
        return day


class EnterpriseItem(EnterpriseIn):
    uscc: str


class EnterpriseBatch(Body):
    """1 to 1,000 statements; each is judged by itself, so they are not typed here."""

    items: list[Any] = Field(min_length=1, max_length=1000)


class EnterpriseReceipt(BaseModel):
    uscc: str
    version: int
    changed: bool
    """False when the register already said the same."""
    known_from: datetime


class EnterpriseBatchItem(BaseModel):
    index: int
    status: Literal["recorded", "unchanged", "refused"]
    receipt: EnterpriseReceipt | None = None
    problem: dict[str, Any] | None = None


class EnterpriseBatchOut(BaseModel):
    recorded: int
    unchanged: int
    refused: int
    receipts: list[EnterpriseBatchItem]


class EnterpriseOut(BaseModel):
    """What everybody may see of a subject."""

    uscc: str
    name: str
    former_names: list[str]
    area_code: str
    area: str | None
    industry_code: str | None
    industry: str | None
    state: State
    chief_quality_officer: bool
