"""The credit file of one enterprise, as of a day: its statement, listings, violations, recalls."""

from datetime import date, datetime
from typing import Any

from services.credit.dossiers.schemas import (
    DepartmentFile,
    HeldViolation,
    OpenLead,
    OpenListing,
    PublicFile,
    PublicViolation,
    RecallDuty,
)
from services.credit.enterprises import repository
from services.credit.enterprises.views import fields
from services.credit.leads import repository as leads
from services.credit.listings import repository as listings
from services.credit.listings import views
from services.credit.listings.rules import OPEN
from services.credit.recalls import repository as recalls
from services.credit.recalls.models import RecallNote
from services.credit.violations import repository as violations
from services.credit.violations import rules
from services.credit.violations.models import Violation
from services.credit.violations.publication import authority_name
from services.credit.violations.views import words
from shared.auth import Principal
from shared.auth.reading import CREDIT
from shared.db import AsyncSession
from shared.errors import NotFound
from shared.web.asof import AsOf


async def read(session: AsyncSession, uscc: str, at: AsOf, principal: Principal) -> PublicFile:
    """Public facts; for the authorities of the enterprise all else, for others those records that are of their area.

    Raises NotFound for a subject not known by then.
    """
    row = await repository.at(session, uscc, at.valid, at.known)
    if row is None:
        raise NotFound(
            "enterprise",
            zh="登记中没有这个主体（不等于没有违法）",
            en="The register has no such subject (which does not say that nothing was done wrong)",
        )
    records = await violations.of_enterprise(session, uscc, at.known)
    listed: list[listings.Listed] = []
    for colour in ("black", "red"):
        wanted = listings.Filter(colour, at.valid, at.known, uscc=uscc)
        listed += await listings.in_force(session, wanted, limit=100)
    public: dict[str, Any] = {
        **fields(row),
        "valid_at": at.valid,
        "known_at": at.known,
        "listings": views.listed(listed, at.valid),
        "violations": [_violation(v) for v in records if rules.is_public(v, valid=at.valid, known=at.known)],
        "recalls": [_recall(note, at.known) for note in await recalls.of_enterprise(session, uscc, at.known)],
    }
    if not CREDIT.admits(principal):
        return PublicFile(**public)
    present = await repository.get(session, uscc)
    home = present.area_code if present else row.area_code  # who supervises it today, also for a file as of a past day
    hidden = [v for v in records if not rules.is_public(v, valid=at.valid, known=at.known)]
    unpublished = [v for v in hidden if CREDIT.shows(principal, v.area_code, home)]
    procedures = [
        each for each in await listings.procedures(session, uscc, OPEN) if CREDIT.shows(principal, each.area_code, home)
    ]
    opened = [
        each for each in await leads.of_enterprise(session, uscc) if CREDIT.shows(principal, each.area_code, home)
    ]
    if not (principal.may_in(home) or unpublished or procedures or opened):
        return PublicFile(**public)
    return DepartmentFile(
        **public,
        version=row.version,
        source=row.source,
        known_from=row.known_from,
        valid_from=row.valid_from,
        unpublished=[_held(v) for v in unpublished],
        procedures=[OpenListing.model_validate(listing, from_attributes=True) for listing in procedures],
        leads=[OpenLead.model_validate(lead, from_attributes=True) for lead in opened],
    )


def _violation(row: Violation) -> PublicViolation:
    zh, en = words(row.body["penalty_kinds"])
    return PublicViolation(
        violation_id=row.violation_id,
        version=row.version,
        document_number=row.body["document_number"],
        authority=row.authority,
        authority_name=authority_name(row.authority),
        violation_type=row.body["violation_type"],
        field=row.body["field"],
        penalties_zh=zh,
        penalties_en=en,
        fine_fen=row.body["fine_fen"],
        decision_date=row.valid_from,
        published_on=row.published_on or date.max,
        expires_on=row.expires_on,
    )


def _held(row: Violation) -> HeldViolation:
    return HeldViolation(
        violation_id=row.violation_id,
        version=row.version,
        document_number=row.body["document_number"],
        authority=row.authority,
        state=row.state,
        gravity=row.gravity,
        decision_date=row.valid_from,
        due_act=row.due_act,
        due_on=row.due_on,
    )


def _recall(note: RecallNote, known: datetime) -> RecallDuty:
    """As known at the instant: a recall that was closed later was still open then."""
    closed = note.closed_at is not None and note.closed_at <= known
    return RecallDuty(
        recall_id=note.recall_id,
        number=note.number,
        level=note.level,
        reason=note.reason,
        reason_en=note.reason_en,
        lots=note.lots,
        state="closed" if closed else "open",
        opened_at=note.opened_at,
        finish_by=note.finish_by,
        closed_at=note.closed_at if closed else None,
    )
