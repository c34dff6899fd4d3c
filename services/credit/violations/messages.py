"""What violations tell the other domains."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.consequences import Message


@dataclass(frozen=True, slots=True)
class PenaltiesFell(Message[list[tuple[str, str]]]):
    """They no longer stand, or no longer bear a listing. Answered with each listing that rested on one, and what became
    of it: `(listing_id, "removed" | "rejected")`."""

    violation_ids: Collection[str]
    why: str


@dataclass(frozen=True, slots=True)
class SeriousViolations(Message[list[str]]):
    """`causes`: USCC -> the record. Answered with the listings that ended by it."""

    causes: Mapping[str, str]
    why: str
