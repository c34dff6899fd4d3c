"""The verdict route: hot for everybody, the same answer through FastAPI for what the hot path leaves."""

import re
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from services.traceability.verdicts import service
from services.traceability.verdicts.schemas import VerdictOut
from shared.auth import Public
from shared.platform import Platform
from shared.web import CurrentPlatform, RequestLang, Router, allow, problem
from shared.web.hot import HotAnswer, HotRequest, HotRoute

router = Router(prefix="/v1/traceability", tags=["verdicts"])
_RESPONSES: dict[int | str, dict[str, Any]] = problem(400, 422)


async def _load(platform: Platform, match: re.Match[str], request: HotRequest) -> HotAnswer | None:
    answer = await service.answer(platform, match["code"], request.lang)
    return HotAnswer(answer.content, tags=answer.tags, fresh_until=answer.fresh_until)


HOT = [HotRoute(pattern=r"/v1/traceability/verdicts/(?P<code>.+)", load=_load)]


@router.get("/verdicts/{code:path}", response_model=VerdictOut, responses=_RESPONSES)
@allow(Public())
async def read_verdict(code: str, platform: CurrentPlatform, lang: RequestLang) -> Response:
    """一次扫码的结论 / The answer for one scan. `code`: a Digital Link URI (percent-encoded), an element string,
    `GTIN+lot+serial`, or the lot id `{gtin14}.{lot}` of lists and events. A code that nobody registered is answered
    with `unknown`; an invalid one is a 400 that says where it is wrong.
    """
    return Response((await service.answer(platform, code, lang)).content, media_type="application/json")


@router.get("/verdicts", response_model=VerdictOut, responses=_RESPONSES)
@allow(Public())
async def read_verdict_by_query(
    code: Annotated[str, Query(min_length=1, max_length=2000)], platform: CurrentPlatform, lang: RequestLang
) -> Response:
    """The same for a code that does not go well into a path."""
    return Response((await service.answer(platform, code, lang)).content, media_type="application/json")
