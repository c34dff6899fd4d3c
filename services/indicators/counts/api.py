"""`/v1/indicators/counts`: lists, violations, recalls and enterprises by area, as of a day."""

from datetime import date
from typing import Annotated

from fastapi import Query

from services.indicators.areas import service as areas
from services.indicators.areas.schemas import AreaRef
from services.indicators.counts import repository
from services.indicators.counts.rules import roll_up
from shared.auth import Public
from shared.reference import areas as registry
from shared.reference import industries
from shared.web import CurrentPlatform, Out, ReadSession, Router, allow, problem
from shared.web.asof import AsOfParams

router = Router(prefix="/v1/indicators", tags=["counts"])


class CountOut(Out):
    """`own`: placed at the area itself; `total`: with all areas below it."""

    own: int
    total: int


class AreaCounts(Out):
    area_code: str
    area_name: str
    black: int
    red: int
    violations: int
    recalls: int
    enterprises: int


class IndustryCount(Out):
    industry_code: str | None
    industry_name: str | None
    enterprises: int


class CountsOut(Out):
    area: AreaRef
    as_of: date
    black: CountOut
    """Black listings in force."""
    red: CountOut
    violations: CountOut
    """Violations published and not ended."""
    recalls: CountOut
    """Recalls open."""
    enterprises: CountOut
    """Active enterprises known to the credit register."""
    areas: list[AreaCounts]
    """Areas directly below, each with all below it, in code order."""
    industries: list[IndustryCount]


@router.get("/counts", responses=problem(422))
@allow(Public())
async def counts(
    session: ReadSession,
    platform: CurrentPlatform,
    as_of: AsOfParams,
    area: Annotated[str | None, Query(max_length=20)] = None,
) -> CountsOut:
    """What is in force on a day, computed from its dates and from what was known then."""
    root = areas.require(area or platform.settings.city)
    found = await repository.by_area(session, root.code, as_of.valid, as_of.known)
    rolled = {kind: roll_up(numbers, root.code, registry.registry().parent) for kind, numbers in found.items()}
    codes = {each.code for each in registry.children(root.code, on=as_of.valid)}
    below = {kind: under for kind, (_, under) in rolled.items()}
    codes.update(code for under in below.values() for code in under)
    per_industry = await repository.enterprises_by_industry(session, root.code, as_of.known)
    return CountsOut(
        area=AreaRef(code=root.code, name=root.name),
        as_of=as_of.valid,
        black=_count(rolled["black"]),
        red=_count(rolled["red"]),
        violations=_count(rolled["violations"]),
        recalls=_count(rolled["recalls"]),
        enterprises=_count(rolled["enterprises"]),
        areas=[
            AreaCounts(
                area_code=code,
                area_name=areas.name_of(code),
                black=below["black"].get(code, 0),
                red=below["red"].get(code, 0),
                violations=below["violations"].get(code, 0),
                recalls=below["recalls"].get(code, 0),
                enterprises=below["enterprises"].get(code, 0),
            )
            for code in sorted(codes)
        ],
        industries=[
            IndustryCount(
                industry_code=code,
                industry_name=known.name_zh if code and (known := industries.get(code)) else None,
                enterprises=number,
            )
            for code, number in per_industry
        ],
    )


def _count(rolled: tuple[int, dict[str, int]]) -> CountOut:
    own, below = rolled
    return CountOut(own=own, total=own + sum(below.values()))
