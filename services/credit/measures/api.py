"""The catalogue of measures, for everybody."""

from datetime import date
from typing import Annotated

from fastapi import Query

from services.credit.measures.schemas import MeasureOut
from services.credit.measures.views import measures
from services.credit.rulebook.rules import Colour
from shared.auth import Public
from shared.clock import shanghai_date
from shared.web import CurrentPlatform, Router, allow, problem

router = Router(prefix="/v1/credit", tags=["measures"])


@router.get("/measures", responses=problem(422))
@allow(Public())
async def read(
    platform: CurrentPlatform, colour: Annotated[Colour, Query()], on: Annotated[date | None, Query()] = None
) -> list[MeasureOut]:
    """What applies to subjects of the red or black list on a day, by field, with its source."""
    return measures(colour, on or shanghai_date(platform.clock.now()))
