"""Answers of the duties."""

from datetime import date
from typing import Literal

from pydantic import BaseModel


class Duty(BaseModel):
    kind: Literal["listing", "violation", "recall"]
    id: str
    act: str
    """notice, hearing, decision, publication (listing); publish (violation); finish (recall)."""
    zh: str
    en: str
    due_on: date
    overdue: bool
    overdue_workdays: int
    uscc: str
    subject: str
    area_code: str
    authority: str | None
