"""Bodies of the credit file."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from services.credit.enterprises.schemas import EnterpriseOut
from services.credit.listings.schemas import ListedOut


class PublicViolation(BaseModel):
    violation_id: str
    version: int
    document_number: str
    authority: str
    authority_name: str
    violation_type: str
    field: str
    penalties_zh: str
    penalties_en: str
    fine_fen: int | None
    decision_date: date
    published_on: date
    expires_on: date | None


class RecallDuty(BaseModel):
    recall_id: str
    number: str
    level: int
    reason: str
    reason_en: str | None
    lots: int
    state: str
    opened_at: datetime
    finish_by: date
    closed_at: datetime | None


class PublicFile(EnterpriseOut):
    """The public credit file as of a day: facts from decisions, nothing else. An empty file does not say that nothing
    was ever done wrong."""

    valid_at: date
    known_at: datetime
    listings: list[ListedOut]
    violations: list[PublicViolation]
    recalls: list[RecallDuty]


class HeldViolation(BaseModel):
    violation_id: str
    version: int
    document_number: str
    authority: str
    state: str
    gravity: str
    decision_date: date
    due_act: str | None
    due_on: date | None


class OpenListing(BaseModel):
    listing_id: str
    colour: str
    state: str
    ground_code: str
    due_act: str | None
    due_on: date | None


class OpenLead(BaseModel):
    lead_id: str
    kind: str
    state: str
    tested_on: date
    detail: dict[str, Any]


class DepartmentFile(PublicFile):
    """What departments and staff see beside: records not published, procedures that run, leads."""

    version: int
    source: str
    known_from: datetime
    valid_from: date
    unpublished: list[HeldViolation]
    procedures: list[OpenListing]
    leads: list[OpenLead]
