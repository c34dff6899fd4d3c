"""Routes of the enterprises."""

from typing import Annotated, Any

from fastapi import Query, Request

from services.credit.enterprises import service, views
from services.credit.enterprises.schemas import (
    EnterpriseBatch,
    EnterpriseBatchOut,
    EnterpriseIn,
    EnterpriseItem,
    EnterpriseOut,
    EnterpriseReceipt,
)
from shared.auth import Department, Public, Staff
from shared.clock import shanghai_date
from shared.errors import FieldError, Invalid, PlatformError
from shared.identifiers import uscc as codes
from shared.identifiers.errors import IdentifierError
from shared.web import (
    CurrentPrincipal,
    Page,
    ReadSession,
    RequestLang,
    Router,
    Uow,
    allow,
    page_of,
    page_params,
    problem,
)
from shared.web.batches import Judged, receipts
from shared.web.bodies import documented, json_of, parse
from shared.web.paging import Keyset

router = Router(prefix="/v1/credit", tags=["enterprises"])
_ENTERPRISES = Keyset("enterprises", str)
WRITE = "credit:enterprises:write"


def code_of(text: str, *, place: str, evidence: bool = False) -> str:
    """The USCC that a request names at `place`. Raises Invalid."""
    try:
        return codes.parse(text, nonconforming_ok=evidence).code
    except IdentifierError as error:
        raise Invalid([FieldError(place, error.code, error.zh, error.en)]) from error


@router.put(
    "/enterprises/{uscc}",
    response_model=EnterpriseReceipt,
    responses=problem(400, 401, 403, 415, 422),
    openapi_extra=documented(EnterpriseIn),
)
@allow(Department(WRITE), Staff("case_officer", "quality_office"), area="body.area_code")
async def put(uscc: str, request: Request, uow: Uow, principal: CurrentPrincipal) -> Any:
    """State how a subject is from a day on. The same statement again changes nothing."""
    wrong: list[FieldError] = []
    more = 0
    raw = await json_of(request)
    try:
        body = parse(EnterpriseIn, raw, today=shanghai_date(uow.now))
    except Invalid as error:
        wrong, more = [*error.errors], error.more_errors
    evidence = isinstance(raw, dict) and bool(raw.get("register_evidence"))
    try:
        code = code_of(uscc, place="{uscc}", evidence=evidence)
    except Invalid as error:
        wrong += error.errors
    if wrong:
        raise Invalid(wrong, more_errors=more)
    (result,) = await service.state(uow, [(code, body)], principal)
    if isinstance(result, PlatformError):
        raise result
    return uow.answer(result)


@router.post(
    "/enterprises:batch",
    response_model=EnterpriseBatchOut,
    responses=problem(400, 401, 403, 413, 415, 422),
    openapi_extra=documented(EnterpriseBatch),
)
@allow(Department(WRITE), Staff("case_officer", "quality_office"), area="body.items[].area_code")
async def batch(request: Request, uow: Uow, principal: CurrentPrincipal, lang: RequestLang) -> Any:
    """State 1 to 1,000 subjects, one receipt for each, in order. A bad one loses only itself."""
    today = shanghai_date(uow.now)
    items = parse(EnterpriseBatch, await json_of(request), today=today).items
    judged = Judged(items, lambda _index, raw: _statement(raw, today))
    stored = await service.state(uow, judged.good, principal) if judged.good else []
    return uow.answer(receipts(judged.with_results(stored), _receipt, ("recorded", "unchanged"), lang))


def _statement(raw: Any, today: Any) -> tuple[str, EnterpriseIn]:
    """One item, with all that is wrong with it, its code included."""
    wrong: list[FieldError] = []
    more = 0
    code = raw.get("uscc") if isinstance(raw, dict) else None
    if isinstance(code, str):
        try:
            code = code_of(code, place="/uscc", evidence=bool(raw.get("register_evidence")))
        except Invalid as error:
            wrong += error.errors
    try:
        item = parse(EnterpriseItem, raw, today=today)
    except Invalid as error:
        wrong, more = [*wrong, *error.errors], error.more_errors
    if wrong:
        raise Invalid(wrong, more_errors=more)
    assert code is not None
    return code, item


def _receipt(receipt: EnterpriseReceipt) -> tuple[str, EnterpriseReceipt]:
    return "recorded" if receipt.changed else "unchanged", receipt


@router.get("/enterprises", responses=problem(401, 422))
@allow(Public())
async def find(
    session: ReadSession,
    params: page_params,
    q: Annotated[str, Query(max_length=100, description="统一社会信用代码、其开头，或名称的一部分")] = "",
) -> Page[EnterpriseOut]:
    """Subjects by code, beginning of a code, or part of a present or former name. A name never proves an identity."""
    after = _ENTERPRISES.after(params.cursor)
    rows = await service.find(session, q, after and after[0], params.limit + 1)
    return page_of([views.summary(row) for row in rows], params.limit, _ENTERPRISES, lambda row: (row.uscc,))
