"""Request bodies of routes that read them themselves: judged with more than their schema, or item by item."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.errors import MOST_ERRORS_OF_AN_ITEM, PlatformError, UnsupportedMedia
from shared.i18n import Lang
from shared.json_schema import inlined
from shared.web import reading
from shared.web.problems import invalid

M = TypeVar("M", bound=BaseModel)


def media_type(request: Request) -> str:
    """Of the body, without parameters; empty where it is not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_json(request: Request, *, also: str = "") -> None:
    """Raises UnsupportedMedia for a body that does not say it is JSON. Without a body, that is what is told. `also`:
    another type that the route takes."""
    media = media_type(request)
    if media == "application/json" or (media.startswith("application/") and media.endswith("+json")):
        return
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return
    zh, en = (f"，也可用 {also}", f", or {also}") if also else ("", "")
    raise UnsupportedMedia(
        "media_type",
        zh=f"请求体应为 application/json{zh}；您发送的是 {media[:80] or '未注明类型的内容'}",
        en=f"The body needs to be application/json{en}; you sent {media[:80] or 'one without a type'}",
    )


async def json_of(request: Request, *, also: str = "") -> Any:
    """The JSON of the body. Raises UnsupportedMedia, Malformed, TooLarge."""
    require_json(request, also=also)
    return await reading.json_of(request)


def parse(model: type[M], raw: Any, *, today: date, place: Sequence[Any] = ()) -> M:
    """The body as a model, which may ask what day it is. Raises Invalid with every wrong place; `place` is put before
    each pointer."""
    try:
        return model.model_validate(raw, context={"today": today})
    except ValidationError as error:
        raise invalid(error, ("body", *place)) from error


def problem_of(refused: PlatformError, lang: Lang) -> dict[str, Any]:
    """What a batch answers about one item."""
    return refused.to_problem(lang, most=MOST_ERRORS_OF_AN_ITEM)


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself: the schema stands in the document all the same."""
    content = {"application/json": {"schema": schema_of(model)}}
    return {"requestBody": {"required": True, "content": content}}


def schema_of(model: type[BaseModel]) -> Any:
    """The JSON schema of a body, whole in itself."""
    return inlined(model.model_json_schema())
