"""`/v1/recalls` and `/v1/recalls/{id}`."""

from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from services.gateway.recalls import views
from services.gateway.schemas import RecallLotsView, RecallsView, RecallView
from services.gateway.upstreams.answers import view_response
from shared.auth import Public
from shared.errors import NotFound
from shared.web import CurrentPlatform, Router, allow, page_params, problem
from shared.web.paging import next_link

router = Router(prefix="/v1/recalls", tags=["recalls"])


@router.get("", response_model=RecallsView, responses=problem(422))
@allow(Public())
async def recalls(
    request: Request,
    platform: CurrentPlatform,
    params: page_params,
    state: Annotated[Literal["open", "closed", "all"], Query()] = "open",
    q: Annotated[str | None, Query(max_length=100, description="Number, party, product, lot, GTIN or reason")] = None,
) -> Response:
    """召回 / Recalls, newest first."""
    view = await views.recalls_view(platform, state=state, q=q, limit=params.limit, cursor=params.cursor)
    return view_response(view, headers=next_link(request, view["next"]))


@router.get("/{recall_id}", response_model=RecallView, responses=problem(404))
@allow(Public())
async def recall(recall_id: str, platform: CurrentPlatform) -> Response:
    """One recall: what is recalled, what to do, how far it is."""
    view = await views.recall_view(platform, recall_id)
    if view is None:
        raise NotFound("recall", zh=f"没有召回 {recall_id}", en=f"No recall {recall_id}")
    return view_response(view)


@router.get("/{recall_id}/lots", response_model=RecallLotsView, responses=problem(404, 422))
@allow(Public())
async def recall_lots(request: Request, recall_id: str, platform: CurrentPlatform, params: page_params) -> Response:
    """召回的批次 / All lots of one recall. `complete` is false while some are still on their way here."""
    view = await views.lots_view(platform, recall_id, limit=params.limit, cursor=params.cursor)
    if view is None:
        raise NotFound("recall", zh=f"没有召回 {recall_id}", en=f"No recall {recall_id}")
    return view_response(view, headers=next_link(request, view["next"]))
