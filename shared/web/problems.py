"""Every error becomes `application/problem+json` (RFC 9457), in the language that the client prefers."""

from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from shared import context
from shared.db.errors import is_bad_value, is_out_of_range
from shared.db.faults import fault_of
from shared.errors import (
    MOST_ERRORS,
    Conflict,
    FieldError,
    Invalid,
    Malformed,
    NotFound,
    PlatformError,
    Unavailable,
    clip,
)
from shared.i18n import Lang, Text, negotiate

log = structlog.get_logger("web")

_WORDS: dict[str, Text] = {
    "missing": Text("必须填写", "Required"),
    "extra_forbidden": Text("没有这个字段；请检查拼写", "Unknown field; check its spelling"),
    "string_type": Text("应为文本", "Needs to be text"),
    "int_type": Text("应为整数", "Needs to be a whole number"),
    "int_parsing": Text("应为整数", "Needs to be a whole number"),
    "bool_type": Text("应为 true 或 false", "Needs to be true or false"),
    "bool_parsing": Text("应为 true 或 false", "Needs to be true or false"),
    "date_from_datetime_parsing": Text("应为日期，如 2026-11-24", "Needs to be a date such as 2026-11-24"),
    "date_parsing": Text("应为日期，如 2026-11-24", "Needs to be a date such as 2026-11-24"),
    "date_type": Text("应为日期，如 2026-11-24", "Needs to be a date such as 2026-11-24"),
    "datetime_parsing": Text("应为带时区的时间（RFC 3339）", "Needs to be a time with offset (RFC 3339)"),
    "datetime_from_date_parsing": Text("应为带时区的时间（RFC 3339）", "Needs to be a time with offset (RFC 3339)"),
    "timezone_aware": Text("时间须带时区", "The time needs an offset"),
    "list_type": Text("应为数组", "Needs to be an array"),
    "dict_type": Text("应为对象", "Needs to be an object"),
    "model_type": Text("应为对象", "Needs to be an object"),
    "model_attributes_type": Text("应为对象", "Needs to be an object"),
    "json_invalid": Text("不是有效的 JSON", "Not valid JSON"),
    "decimal_parsing": Text("应为数字", "Needs to be a number"),
    "float_parsing": Text("应为数字", "Needs to be a number"),
}


_MOST = 500
"""Characters of words that may quote what was sent."""


def _words(error: dict[str, Any]) -> Text:
    kind, ctx = error["type"], error.get("ctx") or {}
    if "zh" in ctx and "en" in ctx:
        return Text(clip(str(ctx["zh"]), _MOST), clip(str(ctx["en"]), _MOST))
    if kind in _WORDS:
        return _WORDS[kind]
    match kind:
        case "string_too_short":
            return Text(f"至少 {ctx['min_length']} 个字符", f"At least {ctx['min_length']} characters")
        case "string_too_long":
            return Text(f"最多 {ctx['max_length']} 个字符", f"At most {ctx['max_length']} characters")
        case "too_short":
            return Text(f"至少 {ctx['min_length']} 项", f"At least {ctx['min_length']} items")
        case "too_long":
            return Text(f"最多 {ctx['max_length']} 项", f"At most {ctx['max_length']} items")
        case "literal_error" | "enum":
            return Text(f"应为其中之一：{ctx['expected']}", f"Needs to be one of: {ctx['expected']}")
        case "string_pattern_mismatch":
            return Text(f"格式应为 {ctx['pattern']}", f"Needs to match {ctx['pattern']}")
        case "greater_than_equal":
            return Text(f"不能小于 {ctx['ge']}", f"At least {ctx['ge']}")
        case "greater_than":
            return Text(f"应大于 {ctx['gt']}", f"More than {ctx['gt']}")
        case "less_than_equal":
            return Text(f"不能大于 {ctx['le']}", f"At most {ctx['le']}")
        case "less_than":
            return Text(f"应小于 {ctx['lt']}", f"Less than {ctx['lt']}")
    message = clip(str(error["msg"]), _MOST)
    return Text(f"无效：{message}", message)


def pointer_of(location: Sequence[Any]) -> str:
    """JSON Pointer into the body; `?name` for a query parameter, `#name` for a header, `{name}` for a path part. Of a
    name it holds the first 200 characters."""
    where, *rest = (clip(str(part)) for part in location or ("body",))
    match where:
        case "query":
            return "?" + ".".join(rest)
        case "header":
            return "#" + ".".join(rest)
        case "path":
            return "{" + ".".join(rest) + "}"
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in rest)


def field_errors(errors: Sequence[Any], prefix: Sequence[Any] = (), most: int = MOST_ERRORS) -> list[FieldError]:
    """The first of pydantic's errors as ours; `prefix` is put before each place (an item of a batch)."""
    found = []
    for error in errors[:most]:
        words = _words(error)
        location = (*prefix, *error["loc"]) if prefix else error["loc"]
        found.append(FieldError(pointer_of(location), error["type"], words.zh, words.en))
    return found


def invalid(error: ValidationError, prefix: Sequence[Any] = ()) -> Invalid:
    """The first places as ours and the number of the others. Nothing of what was sent is kept."""
    errors = error.errors(include_url=False, include_input=False)
    return Invalid(field_errors(errors, prefix), more_errors=max(0, len(errors) - MOST_ERRORS))


def problem_response(error: PlatformError, lang: Lang) -> Response:
    trace = context.current.get()
    body = error.to_problem(lang)
    if trace is not None:
        body["instance"] = f"urn:pinzhi:request:{trace.request_id}"
    headers = {**error.headers, "Content-Language": "en" if lang == "en" else "zh-CN", "Cache-Control": "no-store"}
    return Response(orjson.dumps(body), error.status, headers, "application/problem+json")


def as_platform_error(error: Exception) -> PlatformError:
    """Any exception as one that a client may see. What is unknown says nothing about the inside."""
    if isinstance(error, PlatformError):
        return error
    if isinstance(error, RequestValidationError):
        for item in error.errors():
            if item["type"] == "json_invalid":
                place = item["loc"][-1]
                reason = (item.get("ctx") or {}).get("error", "")
                return Malformed(
                    "json",
                    zh=f"请求体不是有效的 JSON（第 {place} 个字符处：{reason}）",
                    en=f"The body is not valid JSON (at character {place}: {reason})",
                )
        errors = error.errors()
        return Invalid(field_errors(errors), more_errors=max(0, len(errors) - MOST_ERRORS))
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, ClientDisconnect):
        return Malformed("body", zh="请求体没有收完", en="The body did not arrive whole")
    if isinstance(error, IntegrityError):
        log.warning("concurrent write", error=str(error.orig)[:300])
        return Conflict(
            "concurrent_write",
            zh="同时有另一个请求写入了相同的内容；请读取现状后再试",
            en="Another request wrote the same thing at the same time; read the present state and try again",
        )
    if is_out_of_range(error):
        log.warning("number out of range", error=f"{type(error).__name__}: {error}"[:500])
        return Malformed(
            "number",
            zh="有一个数，或几个数之和，超出数据库能保存的范围",
            en="A number, or a sum of numbers, is beyond what can be stored",
        )
    if isinstance(error, DBAPIError) and is_bad_value(error):
        return Malformed(
            "character",
            zh="有一个值数据库不能保存，例如含有 U+0000 字符",
            en="A value cannot be stored, for example one with the character U+0000",
        )
    fault = fault_of(error)
    if fault is not None:
        log.error("storage refused", code=fault.code, error=f"{type(error).__name__}: {error}"[:500])
        return fault.problem()
    if isinstance(error, DBAPIError | PoolTimeout | OSError | TimeoutError):
        log.error("storage or network failed", error=f"{type(error).__name__}: {error}"[:500])
        return Unavailable(zh="存储暂时不可用，请稍后再试", en="Storage is not available right now; try again shortly")
    log.exception("unhandled", exc_info=error)
    return PlatformError("internal", zh="服务内部出错，已记录", en="The service failed inside; it was recorded")


def _from_http(error: HTTPException) -> PlatformError:
    if isinstance(error.__cause__, PlatformError):
        return error.__cause__  # FastAPI takes whatever fails while it reads a body for a broken body

    class Http(PlatformError):
        status = error.status_code
        title = Text(str(error.detail), str(error.detail))

    match error.status_code:
        case 404:
            return NotFound("path", zh="没有这个地址", en="No such address")
        case 405:
            Http.title = Text("方法不被支持", "Method not allowed")
            return Http(
                "method",
                zh="这个地址不支持该方法",
                en="This address does not take that method",
                headers=dict(error.headers or {}),
            )
        case 400:
            return Malformed("body", zh="请求体无法读取", en="The body cannot be read")
    return Http("http", zh=str(error.detail), en=str(error.detail), headers=dict(error.headers or {}))


def install(app: FastAPI) -> None:
    async def handle(request: Request, error: Exception) -> Response:
        return problem_response(as_platform_error(error), negotiate(request.headers.get("accept-language")))

    kinds = (PlatformError, RequestValidationError, HTTPException, ClientDisconnect)
    for kind in (*kinds, StatementError, OverflowError, PoolTimeout, OSError, TimeoutError):
        app.add_exception_handler(kind, handle)


def problem(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: the problems that it answers with, for its OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        s: {"description": "Problem", "content": {"application/problem+json": {"schema": schema}}} for s in statuses
    }


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable code of the error"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "limit": {"type": "number", "description": "The limit that the request is over"},
        "more_errors": {"type": "integer", "description": "Wrong places beside those in errors"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer into the body"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
