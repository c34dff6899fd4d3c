"""Which measures apply to a listed subject on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.credit.rulebook.rules import Colour, Named, Status


@dataclass(frozen=True)
class Measure:
    """`quote` is an exact clause of the plan where the plan is the source."""

    code: str
    colour: Colour
    field: str
    zh: str
    en: str
    source: str
    article: str
    quote: str
    status: Status
    from_: date
    until: date | None


@dataclass(frozen=True)
class Catalogue:
    measures: tuple[Measure, ...]
    fields: dict[str, Named]

    def applying(self, colour: Colour, on: date, field: str | None = None) -> Sequence[Measure]:
        """Measures for a colour of list on a day, in the order of the catalogue."""
        return [
            measure
            for measure in self.measures
            if measure.colour == colour
            and measure.from_ <= on
            and (measure.until is None or on <= measure.until)
            and field in (None, measure.field)
        ]
