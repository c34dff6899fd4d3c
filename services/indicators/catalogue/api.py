"""`/v1/indicators/targets`: the plan's catalogue."""

from typing import Annotated

from fastapi import Query

from services.indicators.catalogue import repository, service
from services.indicators.catalogue.present import detail_of, target_of
from services.indicators.catalogue.schemas import TargetDetail, TargetList
from shared.auth import Public
from shared.errors import NotFound
from shared.texts import storable
from shared.web import ReadSession, Router, allow, problem
from shared.web.asof import AsOfParams

router = Router(prefix="/v1/indicators", tags=["targets"])


@router.get("/targets", responses=problem(422))
@allow(Public())
async def list_targets(
    session: ReadSession,
    as_of: AsOfParams,
    section: Annotated[str | None, Query(max_length=40, description="章节，如 二(一)；写“二”为整章")] = None,
    department: Annotated[str | None, Query(max_length=60, description="部门代码，牵头或协办")] = None,
    kind: Annotated[str | None, Query(max_length=40, description="比较方式，如 at_least")] = None,
) -> TargetList:
    """All targets of the plan in its order, as they stood on a day."""
    rows = await repository.known(session, as_of.valid, as_of.known)
    found = service.matching(rows, section=section, department=department, kind=kind)
    return TargetList(items=[target_of(row) for row in found], total=len(found), as_of=as_of.valid)


@router.get("/targets/{target_id}", responses=problem(404, 422))
@allow(Public())
async def read_target(target_id: str, session: ReadSession, as_of: AsOfParams) -> TargetDetail:
    """One target with its exact clause, its open question and its versions."""
    rows = await repository.versions(session, storable(target_id))
    then = [row for row in rows if row.valid_from <= as_of.valid and row.known_from <= as_of.known]
    if not then:
        raise NotFound(
            "target",
            zh=f"目录中没有“{target_id[:60]}”，全部目标见 /v1/indicators/targets",
            en=f'No target "{target_id[:60]}"; all are at /v1/indicators/targets',
        )
    return detail_of(then[-1], then, as_of.known)
