"""Bodies of the listing procedure and of the public lists."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel

from services.credit.measures.schemas import MeasureOut
from services.credit.rulebook.rules import Colour
from shared.attachments.schemas import AttachmentDigest, AttachmentOut
from shared.identifiers.uscc import USCCStr
from shared.texts import Code, Line, Note, Prose
from shared.web import Body


class ProposalIn(Body):
    """提议. `violation_id` is the penalty that a black listing rests on."""

    colour: Colour
    uscc: USCCStr
    ground_code: Code
    facts: Prose
    violation_id: Code | None = None
    valid_until: date | None = None
    """Red list only: until when the recogniser grants it (认定有效期)."""
    remedies: Note = ""
    """How the party is helped (救济途径); the words of the law where it is not given."""
    document_number: Line | None = None


class NoticeIn(Body):
    """告知 of facts, grounds and rights, served; for the red list, the announcement of the proposal."""

    served_on: date
    document_number: Line | None = None
    attachment: AttachmentDigest | None = None
    """告知书: the notice as a file."""
    method: Literal["direct", "mail", "electronic", "public_notice", "announcement"] = "direct"


class HearingIn(Body):
    """听取意见: `asked` records the party's request (red list: an objection); the others end this step.

    `period_passed` needs no document: the calendar proves it.
    """

    how: Literal["asked", "held", "waived", "period_passed"]
    on: date
    document_number: Line | None = None
    attachment: AttachmentDigest | None = None
    """听证笔录、放弃声明: the record or the waiver as a file."""
    intent_disproved: bool = False
    """Evidence shows that there was no intent: the case can then only be rejected."""
    note: Note | None = None


class DecisionIn(Body):
    outcome: Literal["list", "reject"]
    decided_on: date
    document_number: Line | None = None
    attachment: AttachmentDigest | None = None
    """列入决定书: the decision as a file; a public one is linked in the entry on the list."""
    reason: Prose


class PublicationIn(Body):
    note: Note | None = None


class RemovalIn(Body):
    """移出 by decision: the listing was wrong or its basis fell away. Expiry needs nobody."""

    reason: Literal["revoked"]
    detail: Prose
    document_number: Line


class StepOut(BaseModel):
    kind: str
    on: date
    at: datetime
    by: str
    by_name: str
    document: str | None
    attachment: AttachmentOut | None
    """The document as a file."""
    detail: dict[str, Any]


class ListedOut(BaseModel):
    """One row of the public list: subject, ground, article, authority, document, period, measures, remedies."""

    listing_id: str
    uscc: str
    party_name: str
    colour: Colour
    area_code: str
    industry_code: str | None
    ground_code: str
    ground: str
    ground_en: str
    article: str
    authority: str
    authority_name: str
    document_number: str
    decided_on: date
    published_on: date
    valid_from: date
    valid_until: date
    removable_from: date | None
    measures: list[MeasureOut]
    remedies: str
    remedies_en: str


class EntryOut(ListedOut):
    """One entry of the public list by itself."""

    decision_document: AttachmentOut | None
    """The decision as a file, when it was uploaded for the public."""


class NextStep(BaseModel):
    act: str
    by: date
    certain: bool
    rule: dict[str, Any]


class ListingOut(BaseModel):
    """The case as its officers see it."""

    listing_id: str
    colour: Colour
    uscc: str
    party_name: str
    area_code: str
    ground_code: str
    ground: str
    ground_en: str
    article: str
    facts: str
    violation_id: str | None
    authority: str
    authority_name: str
    state: str
    document_number: str | None
    decided_on: date | None
    published_on: date | None
    valid_from: date | None
    valid_until: date | None
    removable_from: date | None
    remedies: str
    remedies_en: str
    next: NextStep | None
    hearing_until: date | None
    """Last day on which a hearing may be asked for (red list: an objection raised)."""
    steps: list[StepOut]


class ListPage(BaseModel):
    """`valid_at` and `known_at` say which list this is."""

    items: list[ListedOut]
    next: str | None
    valid_at: date
    known_at: datetime
