"""What became of messages that units pushed on the bus, for their senders and for operators."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import Query

from services.credit.topic_intake import repository
from services.credit.topic_intake.models import IntakeMessage
from services.credit.violations.api import WRITE
from shared.auth import Department, Staff
from shared.web import CurrentPrincipal, Out, Page, ReadSession, Router, allow, page_of, page_params, problem
from shared.web.paging import Keyset

router = Router(prefix="/v1/credit", tags=["violations"])
_MESSAGES = Keyset("intake-messages", str)


class IntakeMessageOut(Out):
    place: str
    """Topic, partition and offset."""
    key: str
    message_id: str | None
    type: str
    sender: str | None
    received_at: str
    stored_at: str | None
    """When the broker took it; the sender's rights are those of this instant."""
    status: Literal["recorded", "repeated", "corrected", "withdrawn", "refused"]
    answer: dict[str, Any]
    """What was sent on the unit's receipts topic."""


@router.get("/intake-messages", responses=problem(401, 403, 422))
@allow(Department(WRITE), Staff("administrator"), owner="own messages; an administrator sees all", private=True)
async def list_messages(
    session: ReadSession,
    principal: CurrentPrincipal,
    params: page_params,
    status: Annotated[Literal["recorded", "repeated", "corrected", "withdrawn", "refused"] | None, Query()] = None,
) -> Page[IntakeMessageOut]:
    """Messages by place. A unit sees its own; those whose sender could not be told are seen by operators only."""
    sender = None if principal.kind == "staff" else principal.id
    after = _MESSAGES.after(params.cursor)
    rows = await repository.page(
        session, status=status, sender=sender, after=after and after[0], limit=params.limit + 1
    )
    page = page_of(rows, params.limit, _MESSAGES, lambda row: (row.place,))
    return Page(items=[_out(row) for row in page.items], next=page.next)


def _out(row: IntakeMessage) -> IntakeMessageOut:
    return IntakeMessageOut(
        **row.model_dump(include={"place", "key", "message_id", "type", "sender", "status"}),
        received_at=row.received_at.isoformat(),
        stored_at=row.stored_at.isoformat() if row.stored_at else None,
        answer=orjson.loads(row.answer),
    )
