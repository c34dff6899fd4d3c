"""Answers of the case leads."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel


class LeadOut(BaseModel):
    lead_id: str
    kind: str
    uscc: str
    area_code: str
    state: str
    tested_on: date
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    detail: dict[str, Any]
