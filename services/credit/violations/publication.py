"""Publication and its end: by a person, or by the calendar."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, TypeVar

from services.credit.rulebook.law import law_of
from services.credit.violations import repository, rules
from services.credit.violations.models import Violation
from shared.db import UnitOfWork
from shared.errors import Conflict
from shared.events.base import Event
from shared.events.credit import ViolationPublicationEnded, ViolationPublished
from shared.reference import departments

E = TypeVar("E", bound=Event)
_FOREVER = date.max


def authority_name(code: str) -> str:
    department = departments.get(code)
    return department.name if department else code


def event(kind: type[E], row: Mapping[str, Any], **extra: Any) -> E:
    """An event of one version of a record: `row` has the columns of the table."""
    body = row["body"]
    return kind(
        violation_id=row["violation_id"],
        version=row["version"],
        uscc=row["uscc"],
        party_name=body["party_name"],
        authority=row["authority"],
        authority_name=authority_name(row["authority"]),
        area_code=row["area_code"],
        document_number=body["document_number"],
        violation_type=body["violation_type"],
        field=body["field"],
        decision_date=body["decision_date"],
        penalty_kinds=body["penalty_kinds"],
        fine_fen=body["fine_fen"],
        publishable=row["publishable"],
        **extra,
    )


def publish(uow: UnitOfWork, row: Violation) -> None:
    """Show a recorded violation from today until the last day that the rules of today allow."""
    if row.state != "recorded":
        words = {
            "kept": ("依法不予公示", "By law this record is not published"),
            "withdrawn": ("该决定已被撤销", "The decision was withdrawn"),
        }.get(row.state, ("已经公示", "It was published already"))
        raise Conflict("violation_state", zh=words[0], en=words[1], state=row.state)
    law = law_of(uow)
    row.state = "published"
    row.published_on, row.published_at = law.today, uow.now
    show_until(row, rules.publication_end(law.find(f"publicity.ends.{row.gravity}"), row.body, law.today))
    uow.session.add(row)
    tell(uow, row)
    uow.audit("violation.publish", subject=row.uscc, detail={"violation_id": row.violation_id})


def show_until(row: Violation, last: date) -> None:
    row.expires_on = last
    row.due_act, row.due_on = "end", last + timedelta(days=1)


def tell(uow: UnitOfWork, row: Violation) -> None:
    body = row.body
    uow.publish(
        event(
            ViolationPublished,
            row.model_dump(),
            legal_basis=body["legal_basis"],
            published_on=row.published_on,
            expires_on=row.expires_on,
        )
    )


def end(uow: UnitOfWork, row: Violation, on: date, reason: str) -> None:
    """No longer shown from the day `on`."""
    row.ended_on, row.ended_at, row.end_reason = on, uow.now, reason
    row.due_act = row.due_on = None
    if row.state == "published":
        row.state = "ended"
    uow.session.add(row)
    uow.publish(
        ViolationPublicationEnded(
            violation_id=row.violation_id,
            uscc=row.uscc,
            ended_on=on,
            reason="withdrawn" if reason == "withdrawn" else "expired",
        )
    )


async def publish_due(uow: UnitOfWork, limit: int, *, at_once: bool) -> int:
    """Publish what nobody published: on its last day, or all at once."""
    today = law_of(uow).today
    rows = await repository.due(uow.session, "publish", _FOREVER if at_once else today, limit)
    for row in rows:
        publish(uow, row)
    return len(rows)


async def end_due(uow: UnitOfWork, limit: int) -> int:
    """End publications whose last day is over."""
    rows = await repository.due(uow.session, "end", law_of(uow).today, limit)
    for row in rows:
        assert row.expires_on is not None
        end(uow, row, row.expires_on + timedelta(days=1), "expired")
        uow.audit("violation.end", subject=row.uscc, detail={"violation_id": row.violation_id})
    return len(rows)
