"""Request bodies that are judged with more than their schema: with today's date, or item by item."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.errors import Invalid, Malformed, UnsupportedMedia
from shared.web import field_errors

M = TypeVar("M", bound=BaseModel)


async def json_of(request: Request) -> Any:
    """The JSON of the body. Raises UnsupportedMedia, Malformed."""
    require_json(request)
    return read_json(await request.body())


def require_json(request: Request) -> None:
    """Raises UnsupportedMedia for a body that says it is something else."""
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise UnsupportedMedia(
            "media_type", zh="请求体应为 application/json", en="The body needs to be application/json"
        )


def read_json(body: bytes) -> Any:
    """Raises Malformed."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            "json", zh=f"请求体不是有效的 JSON（{error}）", en=f"The body is not valid JSON ({error})"
        ) from error


def parse(model: type[M], raw: Any, *, today: date, place: Sequence[Any] = ()) -> M:
    """The body as a model. Raises Invalid with every wrong place; `place` is put before each pointer."""
    try:
        return model.model_validate(raw, context={"today": today})
    except ValidationError as error:
        raise Invalid(field_errors(error.errors(), ("body", *place))) from error


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
