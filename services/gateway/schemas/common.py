"""How fresh an answer is, and the words that all shapes share."""

from typing import (
    Literal,  # pydantic takes no other TypedDict before Python 3.12
)

from typing_extensions import TypedDict

from shared.i18n import Lang as Lang

Colour = Literal["black", "red"]
PartName = Literal["indicators", "credit", "traceability"]
Verdict = Literal["safe", "recalled", "held", "expired", "unknown", "suspicious"]
FeedKind = Literal[
    "listing_published",
    "listing_removed",
    "violation_published",
    "recall_opened",
    "recall_updated",
    "recall_closed",
]


class Part(TypedDict):
    """How fresh one source is."""

    current: bool
    as_of: str | None
    """Null when current (the answer is as of now), and when this part was never heard."""
    age_seconds: int | None
    """Null when current."""
    changed_at: str | None
    """Time of the newest event of this source in the answer; null when there is none."""


class PartError(TypedDict):
    part: str
    code: Literal["unavailable", "timeout", "refused", "bad_answer", "busy"]
    retryable: bool
    detail: str
    detail_en: str


class Envelope(TypedDict):
    """Stands in every view."""

    complete: bool
    parts: dict[str, Part]
    """Keys: `PartName`."""
    errors: list[PartError]
