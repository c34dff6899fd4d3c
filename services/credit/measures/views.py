"""Measures as they are shown."""

from datetime import date

from services.credit.measures.data import catalogue
from services.credit.measures.schemas import MeasureOut
from services.credit.rulebook.rules import Colour


def measures(colour: Colour, on: date) -> list[MeasureOut]:
    """What applies to a listed subject on the day."""
    book = catalogue()
    return [
        MeasureOut(
            code=measure.code,
            field=measure.field,
            field_zh=book.fields[measure.field].zh,
            field_en=book.fields[measure.field].en,
            zh=measure.zh,
            en=measure.en,
            source=measure.source,
            article=measure.article,
            status=measure.status,
        )
        for measure in book.applying(colour, on)
    ]
