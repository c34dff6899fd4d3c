"""Whose a GTIN is, and who makes it beside the owner. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol


class Told(Protocol):
    """A word on a lot or item, as far as a title asks."""

    record_id: str
    party: str | None
    authority: str | None


@dataclass(frozen=True, slots=True)
class Maker:
    """Who may make lots of a GTIN beside its owner, on which days of Shanghai (inclusive)."""

    uscc: str
    since: date | None = None
    until: date | None = None

    def on(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Title:
    """Whose a GTIN is: registered, else claimed by who first made something of it."""

    owner: str
    area_code: str | None
    makers: tuple[Maker, ...] = ()
    since: str = ""
    """What was recorded from this id on came after the registration or claim."""
    settled: bool = False
    """Whether a department confirmed that the GTIN is the owner's."""
    confirmed_by: frozenset[str] = frozenset()
    """Enterprises that confirmed it, for what they say themselves."""
    claim: "Title | None" = None
    """Of another enterprise, which made something of the GTIN before it was registered."""

    @property
    def parties(self) -> frozenset[str]:
        """The owner and everybody who was a maker at some time."""
        return frozenset({self.owner, *(maker.uscc for maker in self.makers)})

    def binds(self, row: Told) -> bool:
        """Whether the owner has a say in the word. A GTIN that nobody has registered can be registered by anybody: what
        others said before is not put into its hands, nor by naming them as makers, which asks nobody."""
        return (
            self.settled
            or self.since <= row.record_id
            or row.party is None
            or row.authority is not None
            or row.party == self.owner
            or row.party in self.confirmed_by
        )

    def makes(self, party: str | None, day: date) -> bool:
        return party == self.owner or any(maker.uscc == party and maker.on(day) for maker in self.makers)
