"""Request bodies that are judged with more than their schema: with today's date, or item by item."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.errors import MOST_ERRORS_OF_AN_ITEM, PlatformError, UnsupportedMedia
from shared.i18n import Lang
from shared.web import reading
from shared.web.problems import invalid

M = TypeVar("M", bound=BaseModel)


async def json_of(request: Request) -> Any:
    """The JSON of the body. Raises UnsupportedMedia, Malformed, TooLarge."""
    require_json(request)
    return await reading.json_of(request)


def require_json(request: Request) -> None:
    """Raises UnsupportedMedia for a body that says it is something else."""
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise UnsupportedMedia(
            "media_type", zh="请求体应为 application/json", en="The body needs to be application/json"
        )


def parse(model: type[M], raw: Any, *, today: date, place: Sequence[Any] = ()) -> M:
    """The body as a model. Raises Invalid with every wrong place; `place` is put before each pointer."""
    try:
        return model.model_validate(raw, context={"today": today})
    except ValidationError as error:
        raise invalid(error, ("body", *place)) from error


def problem_of(refused: PlatformError, lang: Lang) -> dict[str, Any]:
    """What a batch answers about one item."""
    return refused.to_problem(lang, most=MOST_ERRORS_OF_AN_ITEM)


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself: the schema stands in the document all the same."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _inlined(schema, definitions)}},
        }
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
        return {name: _inlined(value, definitions) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    return schema
