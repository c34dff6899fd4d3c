"""What rights tell other domains."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.traceability.rights.rules import Row
from shared.consequences import Message


@dataclass(frozen=True, slots=True)
class Judged(Message[None]):
    """The words on the nodes, and on what was inside of them, were judged anew: whose they are, who made them or where
    an event was is known otherwise than before."""

    nodes: Collection[str]
    changed: Sequence[Row]
    """Words that count now and did not before, or the other way round."""
