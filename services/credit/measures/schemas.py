"""Bodies of the measures."""

from pydantic import BaseModel


class MeasureOut(BaseModel):
    code: str
    field: str
    field_zh: str
    field_en: str
    zh: str
    en: str
    source: str
    article: str
    status: str
