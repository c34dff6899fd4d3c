"""The lot graph over HTTP."""

from typing import Annotated, Literal

from fastapi import Query

from services.traceability.callers import READ, STAFF
from services.traceability.genealogy import trace as tracing
from services.traceability.genealogy.schemas import TraceOut
from services.traceability.genealogy.walk import Bounds
from services.traceability.settings import Settings
from shared.auth import Department, Enterprise
from shared.errors import FieldError, Invalid
from shared.identifiers import IdentifierError, gs1
from shared.web import CurrentPlatform, CurrentPrincipal, ReadSession, Router, allow, problem

router = Router(prefix="/v1/traceability", tags=["genealogy"])


@router.get("/lots/{lot_id:path}/trace", responses=problem(401, 403, 404, 422))
@allow(Enterprise(), Department(READ), STAFF, owner="lot.owner_uscc, its makers, and to whom it was sent", private=True)
async def trace(
    lot_id: str,
    session: ReadSession,
    principal: CurrentPrincipal,
    platform: CurrentPlatform,
    direction: Annotated[Literal["backward", "forward", "both"], Query()] = "both",
    max_depth: Annotated[int, Query(ge=1, le=30)] = 10,
) -> TraceOut:
    """Where a lot came from and went to: lots, containers, events with quantities, holders, how complete it is."""
    try:
        lot_id = gs1.lot_id(*gs1.split_lot_id(lot_id))
    except IdentifierError as error:
        raise Invalid([FieldError("{lot_id}", error.code, error.zh, error.en)]) from error
    settings = platform.settings_as(Settings)
    return await tracing.trace(
        session,
        principal,
        lot_id,
        direction,
        Bounds(max_depth, settings.trace_max_nodes, settings.trace_max_ends),
        now=platform.clock.now(),
    )
