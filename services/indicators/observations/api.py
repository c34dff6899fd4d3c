"""`/v1/indicators/observations`: figures in and out."""

from typing import Annotated, Any

from fastapi import Query, Request

from services.indicators.observations import repository, service
from services.indicators.observations.models import Observation
from services.indicators.observations.periods import Period
from services.indicators.observations.reading import csv_rows
from services.indicators.observations.schemas import BatchOut, ObservationIn, ObservationOut
from services.indicators.settings import Settings
from shared.auth import Department, Public, Staff
from shared.errors import FieldError, Invalid, NotFound
from shared.texts import storable
from shared.web import (
    CurrentPlatform,
    Page,
    ReadSession,
    Receipt,
    RequestLang,
    Router,
    Uow,
    allow,
    page_of,
    page_params,
    problem,
)
from shared.web.asof import AsOfParams
from shared.web.bodies import documented, json_of, media_type, schema_of
from shared.web.paging import Keyset
from shared.web.reading import body_of

router = Router(prefix="/v1/indicators", tags=["observations"])
_OBSERVATIONS = Keyset("observations", storable)
WRITERS = (Department("indicators:observations:write"), Staff("quality_office"))


_ITEM = schema_of(ObservationIn)
_BATCH = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["items"],
            "additionalProperties": False,
            "properties": {"items": {"type": "array", "items": _ITEM}},
        }
    },
    "text/csv": {"schema": {"type": "string"}},
}


@router.post(
    "/observations",
    status_code=201,
    responses={
        200: {"model": Receipt, "description": "A repeat: the receipt of the first"},
        **problem(400, 403, 409, 415, 422),
    },
    openapi_extra=documented(ObservationIn),
)
@allow(*WRITERS, area="body.area_code")
async def record(request: Request, uow: Uow) -> Receipt:
    """Report one figure. A repeat gets the first receipt; a change needs a `reason` and is a new revision."""
    raw = await json_of(request)
    receipt, stored = await service.submit_one(uow, raw)
    return uow.answer(receipt, 201 if stored else 200)


@router.post(
    "/observations:batch",
    responses=problem(400, 413, 415, 422),
    openapi_extra={"requestBody": {"required": True, "content": _BATCH}},
)
@allow(*WRITERS, area="body.items.*.area_code")
async def record_batch(
    request: Request,
    uow: Uow,
    platform: CurrentPlatform,
    lang: RequestLang,
    dry_run: Annotated[bool, Query(description="只检查，不保存")] = False,
    atomic: Annotated[bool, Query(description="有一行不合格就全部不保存")] = False,
) -> BatchOut:
    """Report many figures as JSON (`{"items": [...]}`) or CSV: one verdict for each row, in order."""
    if media_type(request) == "text/csv":
        rows: list[tuple[int | None, Any]] = [*csv_rows(await body_of(request))]
    else:
        rows = [(None, item) for item in _items(await json_of(request, also="text/csv"))]
    limit = platform.settings_as(Settings).batch_max_rows
    if len(rows) > limit:
        raise Invalid([FieldError("/items", "batch.size", f"一批最多 {limit} 行", f"At most {limit} rows in a batch")])
    return uow.answer(await service.submit_batch(uow, rows, dry_run=dry_run, atomic=atomic, lang=lang))


@router.get("/observations", responses=problem(422))
@allow(Public())
async def list_observations(
    session: ReadSession,
    params: page_params,
    as_of: AsOfParams,
    target: Annotated[str | None, Query(max_length=120)] = None,
    area: Annotated[str | None, Query(max_length=20, description="地区代码，含其中没有代码的地区")] = None,
    external_id: Annotated[str | None, Query(max_length=120)] = None,
    history: Annotated[bool, Query(description="连同被修订的版本")] = False,
) -> Page[ObservationOut]:
    """Figures as reported, oldest entry first; all of them provisional."""
    after = _OBSERVATIONS.after(params.cursor)
    rows = await repository.page(
        session,
        known=as_of.known,
        target_id=_clean(target),
        area=_clean(area),
        external_id=_clean(external_id),
        history=history,
        after=after and after[0],
        limit=params.limit + 1,
    )
    page = page_of(rows, params.limit, _OBSERVATIONS, lambda row: (row.observation_id,))
    return Page(items=[_out(row, as_of.known) for row in page.items], next=page.next)


@router.get("/observations/{observation_id}", responses=problem(404, 422))
@allow(Public())
async def read_observation(observation_id: str, session: ReadSession, as_of: AsOfParams) -> ObservationOut:
    """One revision of a reported figure."""
    row = await repository.find(session, storable(observation_id))
    if row is None or row.known_from > as_of.known:
        raise NotFound("observation", zh="没有这项数据", en="No such figure")
    return _out(row, as_of.known)


def _out(row: Observation, known_at: Any) -> ObservationOut:
    fields = row.model_dump(exclude={"series_key", "digest", "submitted_by", "value", "known_to"})
    period = Period(row.period_from, row.period_to) if row.period_from and row.period_to else None
    return ObservationOut(
        **fields,
        period=period.label if period else None,
        value=None if row.value is None else f"{row.value.normalize():f}",
        known_to=row.known_to if row.known_to and row.known_to <= known_at else None,
    )


def _clean(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _items(raw: Any) -> list[Any]:
    errors = []
    items = raw.get("items") if isinstance(raw, dict) else None
    if not isinstance(raw, dict):
        errors.append(
            FieldError("", "model_type", '应为对象，形如 {"items": [...]}', 'Needs to be an object: {"items": [...]}')
        )
    elif not isinstance(items, list):
        errors.append(FieldError("/items", "list_type", "应为数组", "Needs to be an array"))
    else:
        errors += [
            FieldError(f"/{key}", "extra_forbidden", "没有这个字段；请检查拼写", "Unknown field; check its spelling")
            for key in raw
            if key != "items"
        ]
    if errors:
        raise Invalid(errors)
    assert isinstance(items, list)
    return items
