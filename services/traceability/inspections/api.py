"""Routes of test reports."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import Query

from services.traceability.inspections import repository, service
from services.traceability.inspections.models import LotTest
from services.traceability.inspections.schemas import TestCorrectionIn, TestIn, TestOut, TestReceipt
from services.traceability.masterdata import supervision
from shared.attachments.records import described
from shared.auth import Department, Enterprise, Principal
from shared.auth.reading import TESTS
from shared.db import AsyncSession
from shared.errors import NotFound
from shared.times import Instant, instant
from shared.web import CurrentPrincipal, Page, ReadSession, Router, Uow, allow, page_of, page_params, problem
from shared.web.paging import Keyset

router = Router(prefix="/v1/traceability", tags=["tests"])
_TESTS = Keyset("tests", instant, str)
READERS = (*TESTS.grants, Enterprise())
AREA = "the sample's area; of a firm's own tests also the firm's"


@router.post("/tests", status_code=201, response_model=TestReceipt, responses=problem(400, 401, 403, 409, 422))
@allow(Department("traceability:tests:write"), Enterprise(), area="body.area_code", owner="the lot's producer")
async def record_test(body: TestIn, uow: Uow) -> TestReceipt:
    """登记检验报告 / Record a test report. The same report again gives the same receipt; a failed one holds the lot."""
    return uow.answer(await service.record(uow, body), 201)


@router.put("/tests/{test_id}", response_model=TestReceipt, responses=problem(400, 401, 403, 404, 409, 422))
@allow(Department("traceability:tests:write"), Enterprise(), area="body.area_code", owner="who recorded it")
async def correct_test(test_id: str, body: TestCorrectionIn, uow: Uow) -> TestReceipt:
    """更正检验报告 / Correct a report: a new version; the former one stays on record. Only who recorded
    the report corrects it; a failure that a hold rests on stands until a person closes its alert."""
    return uow.answer(await service.correct(uow, test_id, body))


@router.get("/tests", response_model=Page[TestOut], responses=problem(401, 403, 422))
@allow(*READERS, area=AREA, owner="enterprises see their own lots", private=True)
async def list_tests(
    session: ReadSession,
    principal: CurrentPrincipal,
    params: page_params,
    lot_id: str | None = None,
    result: Literal["pass", "fail"] | None = None,
) -> Page[TestOut]:
    """Present versions, newest first."""
    rows = await repository.page(
        session,
        lot_id=lot_id,
        reader=repository.seen_by(principal),
        result=result,
        limit=params.limit,
        after=_TESTS.after(params.cursor),
    )
    page = page_of(rows, params.limit, _TESTS, lambda row: (row.known_from, row.test_id))
    return Page(items=await out(session, principal, page.items), next=page.next)


@router.get("/tests/{test_id}", response_model=TestOut, responses=problem(401, 403, 404, 422))
@allow(*READERS, area=AREA, owner="enterprises see their own lots", private=True)
async def read_test(
    test_id: str,
    session: ReadSession,
    principal: CurrentPrincipal,
    known_at: Annotated[Instant | None, Query(description="As the register knew it then")] = None,
) -> TestOut:
    rows = await _versions(session, principal, test_id)
    found = [row for row in rows if known_at is None or row.known_from <= known_at]
    if not found:
        raise NotFound("test", zh="那时还没有这份报告", en="The report was not on record then")
    (test,) = await out(session, principal, found[-1:])
    return test


@router.get("/tests/{test_id}/versions", response_model=list[TestOut], responses=problem(401, 403, 404))
@allow(*READERS, area=AREA, owner="enterprises see their own lots", private=True)
async def read_versions(test_id: str, session: ReadSession, principal: CurrentPrincipal) -> list[TestOut]:
    """Every version, oldest first."""
    return await out(session, principal, await _versions(session, principal, test_id))


async def _versions(session: AsyncSession, principal: Principal, test_id: str) -> list[LotTest]:
    rows = await repository.versions(session, test_id)
    if not rows:
        raise NotFound("test", zh=f"没有检验报告 {test_id}", en=f"There is no test report {test_id}")
    test = rows[-1]
    if principal.kind == "enterprise":
        if test.recorder != f"enterprise:{principal.uscc}":
            found = await repository.lot_with_party(session, test.lot_id)
            principal.require_owner(found[0].owner_uscc if found else test.producer_uscc)
    elif test.kind == "supervision":
        principal.require_area(test.area_code)
    elif not principal.may_in(test.area_code):
        await supervision.require(session, principal, test.producer_uscc)
    return rows


async def out(session: AsyncSession, principal: Principal, rows: Sequence[LotTest]) -> list[TestOut]:
    """Reports as this caller sees them, each with its file."""
    files = await described(session, "traceability", principal, [row.attachment for row in rows])
    return [TestOut.model_validate(row.model_dump() | {"attachment": files.get(row.attachment or "")}) for row in rows]
