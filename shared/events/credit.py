"""Events that the credit service publishes. Key: USCC."""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from shared.events.base import Event, Fields, Upcast


class EnterpriseUpdated(Event):
    """A subject was registered or changed (name, area, industry, state)."""

    type: ClassVar[str] = "pinzhi.credit.enterprise.updated.v1"
    key_field: ClassVar[str] = "uscc"

    uscc: str
    name: str
    former_names: list[str] = []
    area_code: str
    industry_code: str | None = None
    state: Literal["active", "revoked", "cancelled", "moved_out"]
    chief_quality_officer: bool = False
    """Whether the enterprise has one (首席质量官); the person is not named."""
    source: Literal["register", "violation"] | None = None
    """Who said so: an authority in the register, or only a violation that named the party (then its area is that of the
    record)."""


class _Violation(Event):
    key_field: ClassVar[str] = "uscc"

    violation_id: str
    version: int
    uscc: str
    party_name: str
    authority: str
    """Department code of the deciding authority."""
    authority_name: str
    area_code: str
    document_number: str
    violation_type: str
    field: str
    """Regulatory field, e.g. `food`, `industrial_products`, `construction`."""
    decision_date: date
    penalty_kinds: list[str]
    fine_fen: int | None = None
    publishable: bool
    """False where the law keeps the record unpublished (warning only)."""


class ViolationRecorded(_Violation):
    type: ClassVar[str] = "pinzhi.credit.violation.recorded.v1"


class ViolationCorrected(_Violation):
    """A new version replaces the former one; `version` is the new one."""

    type: ClassVar[str] = "pinzhi.credit.violation.corrected.v1"
    reason: str


class ViolationWithdrawn(Event):
    """The decision was annulled; whoever showed or counted it stops."""

    type: ClassVar[str] = "pinzhi.credit.violation.withdrawn.v1"
    key_field: ClassVar[str] = "uscc"

    violation_id: str
    version: int
    uscc: str
    reason: str


def _without_facts(body: Fields) -> Fields:
    """v1 carried the facts of the decision as they were written: free text, which may have to be forgotten."""
    return {name: value for name, value in body.items() if name != "facts"}


class ViolationPublished(_Violation):
    """The decision is shown to the public, with what identifies it; its facts are read at the credit service."""

    type: ClassVar[str] = "pinzhi.credit.violation.published.v2"
    earlier: ClassVar[Mapping[str, Upcast]] = {"pinzhi.credit.violation.published.v1": _without_facts}
    legal_basis: str
    published_on: date
    expires_on: date


class ViolationPublicationEnded(Event):
    type: ClassVar[str] = "pinzhi.credit.violation.publication_ended.v1"
    key_field: ClassVar[str] = "uscc"

    violation_id: str
    uscc: str
    ended_on: date
    reason: Literal["expired", "withdrawn", "repaired"]


class ListingProposed(Event):
    """A listing procedure began; not public (staff views only)."""

    type: ClassVar[str] = "pinzhi.credit.listing.proposed.v1"
    key_field: ClassVar[str] = "uscc"

    listing_id: str
    uscc: str
    colour: Literal["black", "red"]
    area_code: str
    authority: str
    ground_code: str


class ListingPublished(Event):
    """An enterprise is on the red or black list from `valid_from` until `valid_until` (inclusive)."""

    type: ClassVar[str] = "pinzhi.credit.listing.published.v1"
    key_field: ClassVar[str] = "uscc"

    listing_id: str
    uscc: str
    party_name: str
    colour: Literal["black", "red"]
    area_code: str
    industry_code: str | None = None
    ground_code: str
    ground: str
    """The ground in words (Chinese)."""
    ground_en: str
    article: str
    authority: str
    authority_name: str
    document_number: str
    decided_on: date
    published_on: date
    valid_from: date
    valid_until: date
    removable_from: date | None = None
    """First day on which early removal may be applied for."""
    measures: list[str] = []
    remedies: str = ""
    remedies_en: str = ""


class ListingRemoved(Event):
    type: ClassVar[str] = "pinzhi.credit.listing.removed.v1"
    key_field: ClassVar[str] = "uscc"

    listing_id: str
    uscc: str
    colour: Literal["black", "red"]
    removed_on: date
    reason: Literal["expired", "revoked", "repaired"]
    detail: str = ""
