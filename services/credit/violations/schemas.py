"""Bodies of the violation intake, after the fields of the 双公示 exchange (行政处罚信息归集)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from services.credit.rulebook.data import rulebook
from services.credit.rulebook.rules import Gravity
from shared.errors import field_error
from shared.identifiers import gs1, uscc
from shared.identifiers.errors import IdentifierError, validator
from shared.reference.areas import AreaCode
from shared.texts import Code, Line, Name, Note, Prose
from shared.web import Body

Fen = Annotated[int, Field(ge=0, le=10**15)]
"""Money in fen (分)."""
Gtin = Annotated[str, Field(max_length=20), AfterValidator(validator(gs1.parse_gtin))]


def _penalty_kind(code: str) -> str:
    known = rulebook().penalties
    if code not in known:
        raise field_error(
            "violation.penalty_kind",
            f"没有处罚种类“{code}”，可用：{'、'.join(known)}",
            f'No penalty kind "{code}"; there are: {", ".join(known)}',
        )
    return code


PenaltyKind = Annotated[str, AfterValidator(_penalty_kind)]


class Evidence(Body):
    """A document that the decision rests on: its SHA-256 (hex) and what it is called.

    The file may be kept by the unit, so it is not looked up here. One that was uploaded to this service is at
    `/v1/credit/attachments/{sha256}`.
    """

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: Name | None = None


class ViolationIn(Body):
    """One penalty decision. Dates are civil days in the city; money is in fen.

    Four dates exist because four clocks do: the decision (`decision_date`, 文书日期), the end of the conduct, the
    recognition, and the publication, which the register adds itself.
    """

    external_id: Code | None = None
    """The unit's own number of the record (幂等)."""
    register_evidence: Line | None = None
    """What shows that a code which fails its check stands so in the register; without it such a code is refused."""
    uscc: str = Field(examples=["91370600MA3C00003H"])
    party_name: Line
    """行政相对人名称."""
    party_area_code: AreaCode | None = None
    """Where the party is registered; the area of the case where it is not given."""
    area_code: AreaCode
    authority: Code | None = None
    """Department code of the deciding authority (处罚机关); the sender's own where it is not given."""
    document_number: Line
    """行政处罚决定书文号."""
    violation_type: Line
    field: str
    """Regulatory field, a code of the rulebook."""
    facts: Prose
    legal_basis: Prose
    penalty_kinds: list[PenaltyKind] = Field(min_length=1, max_length=12)
    penalty_content: Prose | None = None
    fine_fen: Fen | None = None
    confiscated_fen: Fen | None = None
    aggravated: bool = False
    """从重处罚: the penalty was set at the upper end."""
    gravity: Gravity | None = None
    """轻微, 一般, 严重; the gravest penalty kind decides where the unit states none."""
    decision_date: date
    conduct_ended_on: date | None = None
    recognised_on: date | None = None
    summary_procedure: bool = False
    warning_only: bool | None = None
    """May be left out: it follows from `penalty_kinds` and must agree with them."""
    evidence: list[Evidence] = Field(default=[], max_length=50)
    lots: list[Code] = Field(default=[], max_length=200)
    gtins: list[Gtin] = Field(default=[], max_length=200)
    remark: Note | None = None

    @field_validator("uscc")
    @classmethod
    def _uscc(cls, text: str, info: ValidationInfo) -> str:
        try:
            return uscc.parse(text, nonconforming_ok=bool(info.data.get("register_evidence"))).code
        except IdentifierError as error:
            raise field_error(error.code, error.zh, error.en) from error

    @field_validator("field")
    @classmethod
    def _field(cls, code: str) -> str:
        known = rulebook().fields
        if code not in known:
            raise field_error(
                "violation.field",
                f"没有监管领域“{code}”，可用：{'、'.join(known)}",
                f'No regulatory field "{code}"; there are: {", ".join(known)}',
            )
        return code

    @field_validator("penalty_kinds")
    @classmethod
    def _kinds(cls, kinds: list[str]) -> list[str]:
        return sorted(set(kinds), key=list(rulebook().penalties).index)

    @field_validator("decision_date", "conduct_ended_on", "recognised_on")
    @classmethod
    def _not_in_future(cls, day: date | None, info: ValidationInfo) -> date | None:
        """`today` comes with the validation context: the schema knows no clock."""
        today: date | None = (info.context or {}).get("today")
        if day is not None and today is not None and day > today:
            if info.field_name == "decision_date":
                raise field_error(
                    "violation.decision_date", "决定日期不能晚于今天", "The decision date cannot be after today"
                )
            raise field_error("violation.date", "日期不能晚于今天", "The date cannot be after today")
        return day

    @field_validator("warning_only")
    @classmethod
    def _warning_only(cls, stated: bool | None, info: ValidationInfo) -> bool | None:
        kinds = info.data.get("penalty_kinds")
        if stated is not None and kinds is not None and stated != (kinds == ["warning"]):
            raise field_error(
                "violation.warning_only",
                "是否仅警告与处罚种类不一致",
                "Whether it is a warning only does not agree with penalty_kinds",
            )
        return stated

    def stored(self, authority: str) -> dict[str, Any]:
        """The record as it is kept: JSON values, with what was left out filled in."""
        return self.model_dump(mode="json") | {
            "authority": self.authority or authority,
            "party_area_code": self.party_area_code or self.area_code,
            "warning_only": self.penalty_kinds == ["warning"],
        }


class Batch(Body):
    """1 to 1,000 records; each is judged by itself, so they are not typed here."""

    items: list[Any] = Field(min_length=1, max_length=1000)


class Correction(Body):
    """Changed fields of a record, as in ViolationIn; those not named stay."""

    version: int = Field(ge=1)
    """The version that is being corrected."""
    reason: Line
    document_number: Line | None = None
    """The document that decided the correction (更正文书)."""
    changes: dict[str, Any] = Field(min_length=1)


class Withdrawal(Body):
    """The decision was annulled (撤销、确认违法或者无效)."""

    reason: Line
    document_number: Line
    annulled_on: date


class Publication(Body):
    """Publish now, by a person."""

    remark: Note | None = None


class NextAct(BaseModel):
    act: Literal["send", "publish", "end", "keep", "withdrawn"]
    by: date | None
    certain: bool
    zh: str
    en: str
    rule: dict[str, Any]


class Receipt(BaseModel):
    """What the unit gets: the same bytes for the same push, however often."""

    id: str
    violation_id: str
    version: int
    external_id: str | None
    uscc: str
    document_number: str
    status: Literal["recorded", "corrected", "withdrawn"]
    recorded_at: datetime
    gravity: Gravity
    publishable: bool
    publish_by: date | None
    expires_on: date | None
    next: list[NextAct]


class BatchItem(BaseModel):
    index: int
    status: Literal["recorded", "repeated", "refused"]
    receipt: Receipt | None = None
    problem: dict[str, Any] | None = None


class BatchOut(BaseModel):
    recorded: int
    repeated: int
    refused: int
    receipts: list[BatchItem]


class ViolationOut(BaseModel):
    """A published decision: what the law makes public (处罚信息摘要)."""

    violation_id: str
    version: int
    uscc: str
    party_name: str
    authority: str
    authority_name: str
    area_code: str
    document_number: str
    violation_type: str
    field: str
    facts: str
    legal_basis: str
    penalty_kinds: list[str]
    penalties_zh: str
    penalties_en: str
    penalty_content: str | None
    fine_fen: int | None
    confiscated_fen: int | None
    decision_date: date
    published_on: date | None
    expires_on: date | None
    state: str
    lots: list[str]
    gtins: list[str]


class VersionOut(BaseModel):
    version: int
    known_from: datetime
    known_to: datetime | None
    state: str
    reason: str | None
    body: dict[str, Any]


class ViolationFile(ViolationOut):
    """What departments and staff see: the record with its versions and duties."""

    gravity: Gravity
    heavy: bool
    publishable: bool
    due_act: str | None
    due_on: date | None
    ended_on: date | None
    end_reason: str | None
    external_id: str | None
    versions: list[VersionOut]
