"""Bodies of alerts."""

from datetime import datetime
from typing import Literal

from shared.texts import Sentences
from shared.web import Body, Out

State = Literal["open", "acknowledged", "closed"]


class CloseIn(Body):
    reason: Sentences
    """Why nothing is left to fear, e.g. the number of the re-inspection report (复检)."""


class AlertOut(Out):
    alert_id: str
    rule: str
    cause: str
    """`test:<id>` or `listing:<id>`."""
    subject: str
    area_code: str
    lots: list[str]
    holds: bool
    summary: str
    summary_en: str
    note: str | None
    """What became of the cause since."""
    note_en: str | None
    state: State
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None


class RuleOut(Out):
    code: str
    trigger: str
    kinds: list[str]
    holds: bool
    title: str
    title_en: str
    source: str
    source_en: str
    article: str | None
    status: Literal["verified", "to be verified", "platform"]
    valid_from: str
    valid_until: str | None
