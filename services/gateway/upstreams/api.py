"""`/v1/state`: the state of the services."""

import orjson
from fastapi.responses import Response

from services.gateway.schemas import StateView
from services.gateway.upstreams.views import state_view
from shared.auth import Public
from shared.web import CurrentPlatform, Router, allow

router = Router(tags=["operations"])


@router.get("/v1/state", response_model=StateView)
@allow(Public())
async def state(platform: CurrentPlatform) -> Response:
    """服务状态 / Which services answer, and up to when the gateway has their events."""
    return Response(
        orjson.dumps(await state_view(platform)),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
